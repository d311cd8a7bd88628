"""Areas by the profit that a taxi waiting there can hope for."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any, TypeAlias

from hailstream.domain.opportunities.leaders import Leaders

#: Profitability, number of the newest trip, minus the area, empty taxis, twice the median (cents).
#: Profitability is a float. The division is rounded right, so equal fractions are equal, and unequal
#: ones stay so while median times taxis is less than 2**52: a hundred thousand taxis at the largest
#: fare and tip that an event can carry.
AreaRank: TypeAlias = tuple[float, int, int, int, int]

# What is known of an area is a list of these; the rank is None if there is none, or if it is below what is listed.
_PROFITS, _TAXIS, _NEWEST, _RANK = range(4)


class Areas:
    """Profits and empty taxis of areas; which trips and taxis count is the caller's to say.

    Attributes:
        leaders: of the areas.
    """

    def __init__(self) -> None:
        self.leaders = Leaders()
        self._areas: dict[int, list[Any]] = {}
        self._shown: list[tuple[int, int, int]] = []

    def add(self, start: int, profit: int | None, end: int, taxis: int, left: int, trip: int) -> None:
        """Take a trip.

        Args:
            start, end: numbers of its areas.
            profit: its fare and tip in cents; None where not known.
            taxis: empty ones that it leaves where it ended: one, or none where it is not known which.
            left: the area in which its taxi stood empty before, or 0.
            trip: its number in the order of trips.
        """
        areas = self._areas
        began = areas.get(start)
        if began is None:
            began = areas[start] = [[], 0, 0, None]
        if profit is not None:
            insort(began[_PROFITS], profit)
        began[_NEWEST] = trip
        ended = areas.get(end)
        if ended is None:
            ended = areas[end] = [[], 0, 0, None]
        ended[_TAXIS] += taxis
        ended[_NEWEST] = trip
        if left:
            areas[left][_TAXIS] -= 1
            if left != start and left != end:
                self._rank(left, areas[left])
        self._rank(start, began)
        # One taxi more lowers what each can hope for: where that was too low, it still is.
        if end != start and (ended[_TAXIS] < 2 or ended[_RANK] is not None or self.leaders.low <= 0):
            self._rank(end, ended)

    def forget_profit(self, area: int, profit: int) -> None:
        """A profit is too old."""
        known = self._areas[area]
        profits = known[_PROFITS]
        del profits[bisect_left(profits, profit)]
        if known[_TAXIS] or not profits:
            self._rank(area, known)

    def forget_taxi(self, area: int) -> None:
        """An empty taxi is there no more."""
        known = self._areas[area]
        known[_TAXIS] -= 1
        if known[_PROFITS] or not known[_TAXIS]:
            self._rank(area, known)

    @property
    def shown(self) -> list[tuple[int, int, int]]:
        """What was told last, as plain builtins."""
        return self._shown

    def show(self, areas: list[tuple[int, int, int]]) -> None:
        """Take this for what was told last."""
        self._shown = areas
        self.leaders.touched = True

    def changed(self) -> list[AreaRank] | None:
        """The first ten, if they or their numbers are not the same as when this was last asked."""
        top: list[AreaRank] = self.leaders.top(self._everyone())
        shown = [rank[2:] for rank in top]
        if shown == self._shown:
            return None
        self._shown = shown
        return top

    def _everyone(self) -> Iterator[AreaRank]:
        """The rank of each area that has one, noted there."""
        for area, known in self._areas.items():
            profits, taxis, newest, _ = known
            if profits and taxis:
                middle = len(profits) >> 1
                median = profits[middle] + profits[~middle]
                known[_RANK] = (median / taxis, newest, -area, taxis, median)
                yield known[_RANK]

    def _rank(self, area: int, known: list[Any]) -> None:
        """Rank it anew."""
        profits, taxis, newest, old = known
        new = None
        if profits and taxis:
            middle = len(profits) >> 1
            # The same one twice where their number is odd.
            median = profits[middle] + profits[~middle]
            value = median / taxis
            if value >= self.leaders.low:
                new = (value, newest, -area, taxis, median)
            elif old is None:
                return
        else:
            if not (profits or taxis):
                del self._areas[area]
            if old is None:
                return
        known[_RANK] = new
        self.leaders.replace(old, new)
