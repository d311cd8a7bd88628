"""Trips as rows of one numpy type, and a calendar that hands them out when their time comes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

#: One trip. Times in ms since 1970 UTC, miles in hundredths.
TRIP = np.dtype(
    [
        ("serial", np.uint64),
        ("start", np.int64),
        ("end", np.int64),
        ("partner", np.uint64),  # serial of the trip that a fraud is about
        ("delay", np.int64),  # ms from the end to when it is told
        ("size", np.float64),  # of its fault, in the unit of the rule that the fault is for
        ("basis", np.float64),  # what else that rule asks for, see labels
        ("driver", np.uint32),
        ("vehicle", np.uint32),
        ("miles_100", np.int32),
        ("origin", np.int16),
        ("target", np.int16),
        ("origin_spot", np.int8),  # which point of the zone tells the place; -1: the zone's id does
        ("target_spot", np.int8),
        ("passengers", np.int8),  # -1: not known
        ("case", np.uint8),  # a Case, 0 for a trip as it should be
        ("involved", np.bool_),  # a fault is about it, so that its own events must be as they are
    ]
)
Trips: TypeAlias = npt.NDArray[np.void]

#: Set in the serial numbers of trips that only a fault makes.
EXTRA = np.uint64(1 << 62)
#: Where the number of such a trip begins, if the fault makes several.
EXTRA_NUMBER_BIT = np.uint64(56)
#: Set in the numbers of drivers and vehicles that are not of the fleet.
STRANGER = np.uint32(1 << 31)


class Calendar:
    """Trips kept until the time slice they belong to."""

    def __init__(self) -> None:
        self._days: dict[int, list[Trips]] = {}

    def add(self, trips: Trips, slices: npt.NDArray[np.int64], last: int) -> None:
        """Keep trips for their slices; those after ``last`` are dropped."""
        if not len(trips):
            return
        order = np.argsort(slices, kind="stable")
        trips, slices = trips[order], slices[order]
        starts = np.flatnonzero(np.diff(slices, prepend=slices[0] - 1))
        for start, end in zip(starts.tolist(), [*starts.tolist()[1:], len(trips)], strict=True):
            if slices[start] <= last:
                # A copy, so that a long trip does not keep its whole slice in memory.
                self._days.setdefault(int(slices[start]), []).append(trips[start:end].copy())

    def take(self, number: int) -> Trips:
        """The trips of a slice, in the order they were added; they are kept no longer."""
        kept = self._days.pop(number, [])
        return np.concatenate(kept) if kept else np.empty(0, TRIP)
