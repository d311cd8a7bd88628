"""Faults of single events: late, sent twice, unreadable, out of bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from hailstream.replay.simulator.cases import Case
from hailstream.replay.simulator.corrupt import Corrupter
from hailstream.replay.simulator.ids import draws, mixed
from hailstream.replay.simulator.spec import EVENT_FAULTS, SimulationSpec

Rows: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

_KIND, _SIZE, _CASE, _DISORDER, _HOW_MUCH = 301, 302, 303, 304, 305  # salts
LATE_FROM_MS, LATE_TO_MS = 10_000, 600_000
_MARGIN_MS = 2_000  # the event that a late one is behind is itself a little older than the moment
_DISORDERED = 0.2  # share of events that are
_REPEATS = (
    (Case.AT_ONCE, 0.5, 0, 1_000),
    (Case.AFTER_SECONDS, 0.3, 1_000, 30_000),
    (Case.AFTER_MINUTE, 0.2, 70_000, 600_000),
)
_END_BOUNDS = (Case.FARE_BOUND, Case.DISTANCE_BOUND, Case.DURATION_BOUND, Case.PASSENGERS_BOUND, Case.COORDINATES_BOUND)
_START_BOUNDS = (Case.PASSENGERS_BOUND, Case.COORDINATES_BOUND)
_FARES = (900_00, 501_00, 12_345_67)
# About the bounds: 100 miles, a minute and eight hours. One in ten is far beyond.
_MILES = (60.0, 140.0, 2_000.0)
_SECONDS = (30, 90)
_HOURS = (7, 9, 30)
_FAR_BEYOND = 0.9
_PASSENGERS = (0, 12)
_PLACES = ((0.0, 0.0), (41.6, -73.9), (40.7, -75.2), (-40.75, 73.98))


class EventFaults:
    """Injects faults into frames of events, each at most once, and only into events that have none.

    Which events are hit depends on their trip's number alone.
    """

    def __init__(self, spec: SimulationSpec, key: int, corrupter: Corrupter) -> None:
        self._spec, self._key, self._corrupter = spec, key, corrupter
        self._end = int(spec.end.timestamp() * 1000)

    def inject(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events, changed in place, and the repeats of some after them."""
        numbers = events["_serial"].to_numpy() * np.uint64(2) + events["is_end"].to_numpy().astype(np.uint64)
        self._disorder(events, numbers)
        chance, size = draws(numbers, self._key + _KIND), draws(numbers, self._key + _SIZE)
        whole = ~events["_spared"].to_numpy()
        hit: dict[str, Rows] = {}
        low = 0.0
        for kind in EVENT_FAULTS:
            share = self._spec.faults.get(kind, 0.0)
            hit[kind] = np.flatnonzero(whole & (chance >= low) & (chance < low + share))
            low += share
        if hit["late"].size:
            self._delay(events, hit["late"], size[hit["late"]])
        if hit["bounds"].size:
            rows = hit["bounds"]
            _break_bounds(events, rows, draws(numbers[rows], self._key + _CASE), size[rows])
        if hit["corrupt"].size:
            self._spoil(events, hit["corrupt"], mixed(numbers[hit["corrupt"]], self._key + _CASE))
        if hit["duplicate"].size:
            rows = hit["duplicate"]
            events = pl.concat(
                (events, self._repeats(events[rows], draws(numbers[rows], self._key + _CASE), size[rows]))
            )
        return events

    def _disorder(self, events: pl.DataFrame, numbers: npt.NDArray[np.uint64]) -> None:
        if self._spec.disorder:
            chance = draws(numbers, self._key + _DISORDER)
            much = draws(numbers, self._key + _HOW_MUCH) * self._spec.disorder * 1000
            after = np.where(chance < _DISORDERED, much, 0).astype(np.int64)
            _put(events, pl.Series("_send", events["_send"].to_numpy() + after))

    def _delay(self, events: pl.DataFrame, rows: Rows, size: Floats) -> None:
        """Events near the end stay as they are: there would be nothing newer for them to be behind."""
        times = events["event_time"].to_physical().to_numpy()[rows]
        least = LATE_FROM_MS + int(self._spec.disorder * 1000) + _MARGIN_MS
        most = np.minimum(LATE_TO_MS, self._end - times)
        fits = most > least
        delay = (least + size * (most - least)).astype(np.int64)[fits]
        rows = rows[fits]
        texts = [f"sent {ms / 1000:.3f} s after its time" for ms in delay.tolist()]
        _change(events, rows, {"_send": times[fits] + delay, "_case": [Case.LATE] * len(rows), "_detail": texts})

    def _repeats(self, events: pl.DataFrame, chance: Floats, size: Floats) -> pl.DataFrame:
        which = np.searchsorted(np.cumsum([share for _, share, _, _ in _REPEATS])[:-1], chance, "right")
        low, high = (np.array([repeat[i] for repeat in _REPEATS])[which] for i in (2, 3))
        delay = (low + size * (high - low)).astype(np.int64)
        return events.with_columns(
            pl.col("_send") + pl.Series(delay),
            pl.Series("_case", np.array([repeat[0] for repeat in _REPEATS])[which], pl.UInt8),
            pl.Series("_detail", [f"sent again after {ms / 1000:.3f} s" for ms in delay.tolist()], pl.String),
        )

    def _spoil(self, events: pl.DataFrame, rows: Rows, keys: npt.NDArray[np.uint64]) -> None:
        cases, raws, texts = self._corrupter.corrupt(events[rows], keys)
        raw: list[bytes | None] = [None] * events.height
        for row, value in zip(rows.tolist(), raws, strict=True):
            raw[row] = value
        _put(events, pl.Series("raw", raw, pl.Binary))
        _change(events, rows, {"_case": cases, "_detail": texts})


def _break_bounds(events: pl.DataFrame, rows: Rows, chance: Floats, size: Floats) -> None:
    ends = events["is_end"].to_numpy()[rows]
    cases = np.where(ends, _pick(_END_BOUNDS, chance), _pick(_START_BOUNDS, chance))
    breaks: Mapping[Case, Callable[[pl.DataFrame, Floats], dict[str, Any]]] = {
        Case.FARE_BOUND: _fare,
        Case.DISTANCE_BOUND: _distance,
        Case.DURATION_BOUND: _duration,
        Case.PASSENGERS_BOUND: lambda _, size: {"passenger_count": _pick(_PASSENGERS, size)},
        Case.COORDINATES_BOUND: _coordinates,
    }
    for case, change in breaks.items():
        at = np.flatnonzero(cases == case)
        if at.size:
            changes = change(events[rows[at]], size[at])
            shown = {
                name: value
                for name, value in changes.items()
                if value is not None and name not in ("total_amount", "_size")
            }
            texts = [
                ", ".join(f"{name} {value}" for name, value in zip(shown, row, strict=True))
                for row in zip(*shown.values(), strict=True)
            ]
            _change(events, rows[at], changes | {"_case": [case] * at.size, "_detail": texts})


def _fare(events: pl.DataFrame, size: Floats) -> dict[str, Any]:
    fare = _pick(_FARES, size)
    return {
        "fare_amount": fare,
        "total_amount": events["total_amount"].to_numpy() + fare - events["fare_amount"].to_numpy(),
        "_size": fare - events["fare_amount"].to_numpy(),
    }


def _distance(_: pl.DataFrame, size: Floats) -> dict[str, Any]:
    low, high, beyond = _MILES
    miles = np.where(size < _FAR_BEYOND, np.round(low + (high - low) * size / _FAR_BEYOND, 2), beyond)
    return {"trip_distance_miles": miles, "_size": miles}


def _duration(events: pl.DataFrame, size: Floats) -> dict[str, Any]:
    """About the lower bound, about the upper one, or far beyond that."""
    step = 2 * size / _FAR_BEYOND  # from 0 to 1 the one, to 2 the other
    seconds = np.interp(step, (0, 1), _SECONDS)
    longer = np.where(size < _FAR_BEYOND, np.interp(step, (1, 2), _HOURS[:2]), _HOURS[2]) * 3600
    lasts = np.rint(np.where(step < 1, seconds, longer) * 1000).astype(np.int64)
    started = events["event_time"].to_numpy() - lasts.astype("timedelta64[ms]")
    return {"started_at": started, "_size": lasts / 60_000}


def _coordinates(_: pl.DataFrame, size: Floats) -> dict[str, Any]:
    places = np.array(_PLACES)[_pick(range(len(_PLACES)), size)]
    return {"pickup_latitude": places[:, 0], "pickup_longitude": places[:, 1], "pickup_location_id": None}


def _pick(values: Any, chance: Floats) -> npt.NDArray[Any]:
    return np.array(values)[(chance * len(values)).astype(np.int64)]


def _change(events: pl.DataFrame, rows: Rows, changes: Mapping[str, Any]) -> None:
    """Put other values into some rows of some columns."""
    at = pl.Series(rows)
    for name, values in changes.items():
        column = events[name].clone()
        new = None if values is None else pl.Series(values).cast(column.dtype)
        _put(events, column.scatter(at, new))


def _put(events: pl.DataFrame, column: pl.Series) -> None:
    events.replace_column(events.get_column_index(column.name), column)
