"""Counts of starts by zone and quarter hour, to learn from and to judge forecasts by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.forecast.week import QUARTERS_AN_HOUR

#: A silence of the city is a hole in the record and no quiet night if even a tenth of its mean rate would
#: have given ten starts; an hour at least.
HOLE_STARTS: Final = 10.0
NIGHT_SHARE: Final = 0.1
LEAST_HOLE_QUARTERS: Final = QUARTERS_AN_HOUR
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
        """Whether each quarter lies in no hole."""
        city = self.counts.sum(axis=0)
        busy = np.flatnonzero(city)
        observed = np.zeros(len(city), np.bool_)
        for begin, end in _runs(busy, _hole(city)):
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


def _hole(city: Ints) -> int:
    """From how many silent quarters on there is a hole, for the starts of a city in each quarter."""
    night = NIGHT_SHARE * float(city.mean())
    longest = END_QUARTERS if night == 0 else min(END_QUARTERS, math.ceil(HOLE_STARTS / night))
    return max(LEAST_HOLE_QUARTERS, longest)


def _runs(busy: Ints, hole: int) -> list[tuple[int, int]]:
    """Begin and end of the runs of ``busy`` (in order) with fewer than ``hole`` others in between."""
    if not len(busy):
        return []
    cuts = np.flatnonzero(np.diff(busy) > hole)
    begins, ends = busy[np.concatenate([[0], cuts + 1])], busy[np.concatenate([cuts, [len(busy) - 1]])] + 1
    return [(int(begin), int(end)) for begin, end in zip(begins, ends, strict=True)]
