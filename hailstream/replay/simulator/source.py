"""The simulator as a source of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from hailstream.replay.events import BATCH_ROWS, EVENT_SCHEMA, SourceReport
from hailstream.replay.simulator.billing import Biller
from hailstream.replay.simulator.cases import Case
from hailstream.replay.simulator.city import load_city
from hailstream.replay.simulator.corrupt import Corrupter
from hailstream.replay.simulator.faults import EventFaults
from hailstream.replay.simulator.fleet import Fleet
from hailstream.replay.simulator.frames import Framer
from hailstream.replay.simulator.fraud import spoil
from hailstream.replay.simulator.ledger import Ledger
from hailstream.replay.simulator.plan import make_plan
from hailstream.replay.simulator.rhythm import Hours
from hailstream.replay.simulator.spec import SimulationSpec, parse_spec
from hailstream.replay.simulator.trips import Calendar

LEDGER_FILE = "ledger.csv"
SLICE_EVENTS = 100_000
_LONGEST_SLICE_MS, _SHORTEST_SLICE_MS = 21_600_000, 1_000
_FRAUD_STREAM = 2


@dataclass(frozen=True)
class SimulationReport(SourceReport):
    """The account of a simulation.

    Attributes:
        faults: events with a fault that were handed out, by kind.
        cases: the same by (kind, case).
        ledger: the file with a row for each; None when none was asked for.
    """

    faults: Mapping[str, int] = field(default_factory=dict)
    cases: Mapping[tuple[str, str], int] = field(default_factory=dict)
    ledger: Path | None = None


class Simulation:
    """A seeded simulation: the same spec gives the same events, however they are cut into batches.

    Memory is that of the fleet, of the trips under way and of a slice of time,
    however long the simulation is.

    Args:
        spec: what to simulate.
        start, until, limit: see :func:`open_simulation`.
        ledger: its file; None only counts.
        schema_ids: see :func:`open_simulation`.
        batch_rows: of the frames handed out; changes nothing else.
        slice_events: events of a slice of time, about. The city is drawn slice by
            slice, so another number gives another city.
    """

    def __init__(
        self,
        spec: SimulationSpec,
        *,
        start: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        ledger: Path | None = None,
        schema_ids: tuple[int, int] = (1, 2),
        batch_rows: int = BATCH_ROWS,
        slice_events: int = SLICE_EVENTS,
    ) -> None:
        self.name = f"sim:{spec.seed}"
        self.spec = spec
        self._from = max(start, spec.start) if start else spec.start
        self._until = min(until, spec.end) if until else spec.end
        self._limit = limit
        self._ledger_path = ledger
        self._batch_rows = batch_rows
        self._slice_events = slice_events
        self._city = load_city()
        self._hours = Hours.around(spec.start, spec.end)
        self._corrupter = Corrupter(schema_ids)
        # Wrong specs are refused when opened, not at the first batch.
        self.fleet_size = make_plan(spec, self._city, self._hours).size
        self._ledger = Ledger(None)
        self._seen = 0

    def batches(self) -> Iterator[pl.DataFrame]:
        """Frames of ``EVENT_SCHEMA`` in the order of sending; the ledger's file begins anew."""
        self._seen = sent = 0
        self._ledger = ledger = Ledger(self._ledger_path)
        waiting: list[pl.DataFrame] = []
        for events in self._stamped(self._due()):
            left = None if self._limit is None else self._limit - sent
            events = events if left is None else events.head(left)
            sent += events.height
            waiting.append(events)
            while sum(frame.height for frame in waiting) >= self._batch_rows:
                whole = pl.concat(waiting)
                waiting = [whole.slice(self._batch_rows)]
                yield self._hand_out(whole.head(self._batch_rows), ledger)
            if self._limit is not None and sent >= self._limit:
                break
        if waiting and (rest := pl.concat(waiting)).height:
            yield self._hand_out(rest, ledger)

    def report(self) -> SimulationReport:
        """Events made and faults injected; valid once :meth:`batches` is exhausted."""
        counts = self._ledger.counts
        path = self._ledger_path
        return SimulationReport(self._seen, self._seen, faults=counts.kinds, cases=counts.cases, ledger=path)

    def bounds(self) -> tuple[datetime, datetime] | None:
        """Limits of the event times, which the first and last event come near."""
        last = self._until - timedelta(milliseconds=1)
        return (self._from, last) if self._from <= last else None

    def total_events(self) -> int | None:
        """Not known before all are made."""
        return None

    def _hand_out(self, events: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
        ledger.add(events)
        return events.select(*EVENT_SCHEMA)

    def _stamped(self, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Events of the asked times, with how far each is behind the newest one before it (``_behind``, ms)."""
        newest = np.int64(-(2**62))
        inside = pl.col("event_time").is_between(self._from, self._until, closed="left")
        everything = (self._from, self._until) == (self.spec.start, self.spec.end)
        for frame in frames:
            self._seen += frame.height
            events = frame if everything else frame.filter(inside)
            if not events.height:
                continue
            times = events["event_time"].to_physical().to_numpy()
            reached = np.maximum.accumulate(np.concatenate(([newest], times)))
            newest = reached[-1]
            yield events.with_columns(pl.Series("_behind", np.maximum(reached[:-1] - times, 0)))

    def _due(self) -> Iterator[pl.DataFrame]:
        """All events in the order of sending, a slice of time after the other."""
        held: pl.DataFrame | None = None
        for end, events in self._slices():
            held = events if held is None else pl.concat((held, events), rechunk=True)
            order, due = _sending_order(held, end)
            yield held[order[:due]]
            held = held[order[due:]]
        if held is not None:
            yield held

    def _slices(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """Slices of time: their end (ms), and the events that happen in them, with their time of sending."""
        spec, city, hours = self.spec, self._city, self._hours
        key = spec.world_key()
        fleet = Fleet(spec, city, hours)
        framer = Framer(city, Biller(city, hours, key), key, spec.seed)
        faults = EventFaults(spec, key, self._corrupter)
        begin, end = (int(moment.timestamp() * 1000) for moment in (spec.start, spec.end))
        length = int(
            np.clip(self._slice_events * 1000 / fleet.events_per_second, _SHORTEST_SLICE_MS, _LONGEST_SLICE_MS)
        )
        last = (end - 1 - begin) // length
        starts, ends = Calendar(), Calendar()

        ends.add(fleet.under_way, (fleet.under_way["end"] - begin) // length, last)
        for number in range(last + 1):
            until = min(begin + (number + 1) * length, end)
            begun = fleet.drive(number, until)
            rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((spec.seed, number, _FRAUD_STREAM))))
            spoiled = spoil(begun, fleet, city, spec.faults, key, rng, end)
            extras = spoiled.extras
            for trips in (spoiled.ends, extras[extras["case"] != Case.NEVER_ENDED]):
                ends.add(trips, (trips["end"] + trips["delay"] - begin) // length, last)
            told = extras[extras["case"] != Case.REFUND]
            starts.add(told, (told["start"] - begin) // length, last)
            beginning = np.concatenate((begun.trips, starts.take(number)))
            ending = ends.take(number)
            frame = pl.concat((framer.starts(beginning), framer.ends(ending)), rechunk=True)
            # In the last slice, which may be cut short, trips of the whole slice are found.
            if number == last:
                frame = frame.filter(pl.col("event_time") < spec.end)
            yield until, faults.inject(frame)


def _sending_order(events: pl.DataFrame, before: int) -> tuple[npt.NDArray[np.int64], int]:
    """Rows in the order of sending, and how many are sent before a time (ms)."""
    send = events["_send"].to_numpy()
    # Of a repeat at the very same time the original comes first: it has the lower case, 0.
    ties = (events["_case"], events["_key"], events["is_end"], events["event_time"].to_physical())
    order = np.lexsort((*(tie.to_numpy() for tie in ties), send))
    return order, int(np.count_nonzero(send < before))


def open_simulation(
    spec: str,
    *,
    start: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    work_dir: Path | None = None,
    schema_ids: tuple[int, int] = (1, 2),
) -> Simulation:
    """Open ``sim:...`` as a source of events.

    Args:
        spec: see :func:`hailstream.replay.simulator.spec.parse_spec`.
        start, until: keep events with ``start <= event_time < until``.
        limit: stop after so many events.
        work_dir: the ledger is ``ledger.csv`` in it, unless the spec names a file;
            without either, faults are only counted.
        schema_ids: registry ids of the schemas of started and ended trips, for messages
            that are to be truncated, lengthened or flipped.

    Raises:
        HailstreamError: a key or value that the spec cannot have.
    """
    parsed = parse_spec(spec)
    ledger = parsed.ledger or (work_dir / LEDGER_FILE if work_dir is not None else None)
    return Simulation(parsed, start=start, until=until, limit=limit, ledger=ledger, schema_ids=schema_ids)
