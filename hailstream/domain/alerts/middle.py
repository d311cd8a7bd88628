"""Median and median absolute deviation of values that come and go, kept in order."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable


class Sorted:
    """Values in ascending order.

    A value comes and goes in the time that it takes to move the others, which for
    thousands of them is less than a sort takes for tens.

    Args:
        values: in any order.
    """

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.values = array("d", sorted(values))

    @classmethod
    def of(cls, values: array[float]) -> Sorted:
        """Around values that are in order already, and stay the caller's."""
        made = cls()
        made.values = values
        return made

    def __len__(self) -> int:
        return len(self.values)

    def add(self, values: Iterable[float]) -> None:
        """Take values."""
        for value in values:
            insort(self.values, value)

    def remove(self, values: Iterable[float]) -> None:
        """Give values back that were taken."""
        for value in values:
            del self.values[bisect_left(self.values, value)]

    def median(self) -> float:
        """The middle value, or the mean of the two in the middle; there is a value."""
        values, middle = self.values, len(self.values) // 2
        return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2

    def deviation(self, median: float) -> float:
        """The median of the distances from ``median``."""
        count = len(self.values)
        upper = self._distance(median, count // 2)
        return upper if count % 2 else (self._distance(median, count // 2 - 1) + upper) / 2

    def _distance(self, median: float, rank: int) -> float:
        """The distance from the median of which ``rank`` others are no longer.

        Distances to the left of the median and to its right are two sorted rows; the
        first so many of both together are found by halving.
        """
        values = self.values
        right = bisect_right(values, median)
        low, high = max(0, rank - (len(values) - right)), min(rank, right)
        while low < high:
            taken = (low + high) // 2  # from the left row, and the rest from the right one
            if median - values[right - 1 - taken] < values[right + rank - taken - 1] - median:
                low = taken + 1
            else:
                high = taken
        left = median - values[right - 1 - low] if low < right else float("inf")
        beyond = right + rank - low
        return min(left, values[beyond] - median if beyond < len(values) else float("inf"))
