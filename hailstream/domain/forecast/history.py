"""Counts of starts by zone and quarter hour, to learn from and to judge forecasts by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.forecast.week import QUARTERS_AN_HOUR

#: A city without a start for so long is taken to be a hole in the record and no quiet night.
HOLE_QUARTERS: Final = QUARTERS_AN_HOUR
#: So long a hole ends a record: what is beyond are strays with a wrong date.
END_QUARTERS: Final = 6 * QUARTERS_AN_HOUR

Ints: TypeAlias = "npt.NDArray[Any]"


@dataclass(frozen=True)
class History:
    """A stretch of quarters.

    Attributes:
        zones: with a start somewhere, in order.
        first: number of the first quarter.
        counts: starts [zone, quarter].
    """

    zones: tuple[int, ...]
    first: int
    counts: Ints

    @property
    def end(self) -> int:
        """Number of the quarter after the last."""
        return self.first + int(self.counts.shape[1])

    @property
    def observed(self) -> npt.NDArray[np.bool_]:
        """Whether each quarter lies in no hole of an hour or more."""
        observed = np.zeros(self.counts.shape[1], np.bool_)
        busy = np.flatnonzero(self.counts.any(axis=0))
        for begin, end in _runs(busy, HOLE_QUARTERS):
            observed[begin:end] = True
        return observed

    def between(self, first: int, end: int) -> History:
        """The quarters from ``first`` until before ``end``; the zones stay."""
        return History(self.zones, first, self.counts[:, first - self.first : end - self.first])


def history_of(zones: Ints, quarters: Ints, starts: Ints, *, first: int | None = None) -> History:
    """A history from rows, each a zone, a quarter and a number of starts; rows of one key are added.

    Args:
        first: the first quarter, where that is before the first row.

    Raises:
        ValueError: there is no row.
    """
    if not len(zones):
        raise ValueError("no rows")
    known, rows = np.unique(zones, return_inverse=True)
    begin = int(quarters.min()) if first is None else first
    counts = np.zeros((len(known), int(quarters.max()) - begin + 1), np.int64)
    np.add.at(counts, (rows, quarters - begin), starts)
    return History(tuple(int(zone) for zone in known), begin, counts)


def main_stretch(quarters: Ints) -> tuple[int, int]:
    """First quarter, and the one after the last, of the stretch without a hole of six hours that has most rows.

    Args:
        quarters: of each row; not empty.
    """
    busy, rows = np.unique(quarters, return_counts=True)
    sizes = np.concatenate([[0], np.cumsum(rows)])
    stretches = _runs(busy, END_QUARTERS)
    held = [sizes[np.searchsorted(busy, end)] - sizes[np.searchsorted(busy, begin)] for begin, end in stretches]
    return stretches[int(np.argmax(held))]


def _runs(busy: Ints, hole: int) -> list[tuple[int, int]]:
    """Begin and end of the runs of ``busy`` (in order) with fewer than ``hole`` others in between."""
    if not len(busy):
        return []
    cuts = np.flatnonzero(np.diff(busy) > hole)
    begins, ends = busy[np.concatenate([[0], cuts + 1])], busy[np.concatenate([cuts, [len(busy) - 1]])] + 1
    return [(int(begin), int(end)) for begin, end in zip(begins, ends, strict=True)]
