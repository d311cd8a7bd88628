"""How the work on a table is divided: its rows, and the events that make them, into shares that need no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hailstream.domain.millis import from_ms, millis, to_ms
from hailstream.duck.database import open_database, rows_of
from hailstream.reconcile.spans import Span, clipped

#: A table's rows by their share; shares without rows are left out.
Shares = Iterator[tuple[int, pa.Table]]


@dataclass(frozen=True)
class ByTime:
    """Shares of the time: rows go to one, events to each in which they make rows.

    Attributes:
        cuts: between the shares (ms), and at both ends: share n has the times after cut n up to cut n + 1.
        before: how long before a row's time events are that it is made of (ms).
    """

    cuts: tuple[int, ...]
    before: int

    @property
    def count(self) -> int:
        """How many shares there are."""
        return len(self.cuts) - 1

    def spans(self, share: int, spans: Sequence[Span]) -> list[Span]:
        """What of ranges is a share's."""
        return clipped(spans, from_ms(self.cuts[share]), from_ms(self.cuts[share + 1]))

    def of_events(self, events: pa.Table, time: str) -> Shares:
        """Events, by their time."""
        ordered = events.sort_by(time)
        times, cuts = ordered[time].to_numpy(), np.array(self.cuts)
        yield from _slices(ordered, np.searchsorted(times, cuts[:-1] - self.before), np.searchsorted(times, cuts[1:]))

    def of_rows(self, rows: pa.Table, time: str) -> Shares:
        """Rows, by their time."""
        ordered = rows.sort_by(time)
        edges = np.searchsorted(ordered[time].to_numpy(), np.array(self.cuts), side="right")
        yield from _slices(ordered, edges[:-1], edges[1:])


@dataclass(frozen=True)
class ByKey:
    """Shares of all keys: rows and events of a key go to the same."""

    count: int

    def spans(self, share: int, spans: Sequence[Span]) -> list[Span]:  # noqa: ARG002
        """What of ranges is a share's: all, as a key's row may be of any time."""
        return list(spans)

    def of_events(self, events: pa.Table, key: str) -> Shares:
        """Events, by their key."""
        return self.of_rows(events, key)

    def of_rows(self, rows: pa.Table, key: str) -> Shares:
        """Rows, by their key."""
        query = f'SELECT *, CAST(hash("{key}") % {self.count} AS INTEGER) AS share FROM rows ORDER BY share'
        with open_database({"rows": rows}, threads=1) as database:
            ordered = rows_of(database, query)
        edges = np.searchsorted(ordered["share"].to_numpy(), np.arange(self.count + 1))
        yield from _slices(ordered.drop_columns(["share"]), edges[:-1], edges[1:])


#: One of both.
Division = ByTime | ByKey


def cuts_of(spans: Sequence[Span], count: int) -> tuple[int, ...]:
    """Moments (ms) that divide ranges into so many parts of the same length, holes not counted, and both ends."""
    lengths = np.array([millis(end - begin) for begin, end in spans], np.int64)
    done = np.concatenate(([0], np.cumsum(lengths)))
    wanted = done[-1] * np.arange(1, count) // count
    places = np.searchsorted(done, wanted, side="right") - 1
    inner = [to_ms(spans[place][0]) + int(at - done[place]) for place, at in zip(places, wanted, strict=True)]
    return (to_ms(spans[0][0]), *inner, to_ms(spans[-1][1]))


def _slices(rows: pa.Table, begins: npt.NDArray[np.intp], ends: npt.NDArray[np.intp]) -> Shares:
    for share, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if begin < end:
            yield share, rows.slice(begin, end - begin)
