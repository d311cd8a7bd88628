"""The ten highest of many ranks that rise and fall."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from heapq import nlargest
from typing import Any, Final, TypeAlias

from hailstream.domain.opportunities.answers import PLACES

#: A value, then what breaks ties; no two ranks are equal.
Rank: TypeAlias = tuple[Any, ...]

LOWEST: Final[Rank] = (-math.inf,)
#: So many of the highest are kept in order after a look at all, and so many at most.
_KEPT, _MOST = 20, 60


class Leaders:
    """Keeps the highest ranks in order, all from some floor up.

    Attributes:
        low: what happens to ranks with lower values need not be told, and most have.
        touched: whether the first ten may have changed since :meth:`top` was asked.
    """

    __slots__ = ("_floor", "_ranks", "low", "touched")

    def __init__(self) -> None:
        self._ranks: list[Rank] = []  # ascending; all there are from the floor up
        self._set_floor(LOWEST)
        self.touched = False

    def replace(self, old: Rank | None, new: Rank | None) -> None:
        """A rank is ``new`` that was ``old``; None where there was or is none."""
        ranks, floor = self._ranks, self._floor
        if old is not None and old >= floor:
            at = bisect_left(ranks, old)
            if at >= len(ranks) - PLACES:
                self.touched = True
            del ranks[at]
        if new is not None and new >= floor:
            insort(ranks, new)
            if len(ranks) <= PLACES or new >= ranks[-PLACES]:
                self.touched = True
            if len(ranks) > _MOST:
                del ranks[:-_KEPT]
                self._set_floor(ranks[0])

    def top(self, everyone: Iterable[Rank]) -> list[Rank]:
        """The first ten, highest first; of ``everyone``, all ranks there are, if too few are known."""
        ranks = self._ranks
        if len(ranks) < PLACES and self._floor is not LOWEST:
            ranks = self._ranks = nlargest(_KEPT, everyone)[::-1]
            self._set_floor(ranks[0] if len(ranks) == _KEPT else LOWEST)
        self.touched = False
        return ranks[: -PLACES - 1 : -1]

    def _set_floor(self, floor: Rank) -> None:
        self._floor = floor
        self.low: float = floor[0]
