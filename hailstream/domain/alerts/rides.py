"""Rides that began and do not end, and ends that say something else than their starts."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any, Final, TypeAlias

from hailstream.domain.alerts.alert import END_DISAGREES, RIDE_OPEN_TOO_LONG, Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Ended, Event
from hailstream.domain.fold import NEVER
from hailstream.domain.zones import UNKNOWN

_SLACK: Final = 64
#: Start times that differ by less are the same: sources round to the second.
_SAME_MS: Final = 1000

#: What both events of a ride say: time of the start, zone of the start, driver.
Said: TypeAlias = tuple[int, int, str | None]


class OpenRides:
    """Alerts at start + limit when no end was told by then, and when an end disagrees with its start.

    An end that comes before its start closes it too. What is known of a ride is
    forgotten after both its events, or after the limit. What is not known disagrees with nothing.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._limit = thresholds.open_ms
        # Trip to what its start said; trip to time and word of the end that came first; (due, trip) of both.
        self._opened: dict[str, Said] = {}
        self._ended: dict[str, tuple[int, Said]] = {}
        self._dues: list[tuple[int, str]] = []

    @property
    def state(self) -> Any:
        return self._opened, self._ended, self._dues

    @state.setter
    def state(self, state: Any) -> None:
        self._opened, self._ended, self._dues = state

    @property
    def due(self) -> int:
        return self._dues[0][0] if self._dues else NEVER

    def event(self, event: Event) -> Sequence[Alert]:
        trip = event.trip_id
        start: Said | None
        end: Said | None
        if isinstance(event, Ended):
            start, end = self._opened.pop(trip, None), (event.started_at, event.zone_id, event.driver_id)
            if start is None:
                self._ended[trip] = (event.time, end)
        else:
            start, (_, end) = (event.time, event.zone_id, event.driver_id), self._ended.pop(trip, (0, None))
            if end is None and trip not in self._opened:
                self._opened[trip] = start
        if start is not None and end is not None:
            return () if start == end else _disagreement(trip, start, end)
        heappush(self._dues, (event.time + self._limit, trip))
        if len(self._dues) > 2 * (len(self._opened) + len(self._ended)) + _SLACK:
            # Sorted, a list is a heap.
            self._dues = sorted(due for due in self._dues if self._live(*due))
        return ()

    def at(self, moment: int) -> Sequence[Alert]:
        alerts = []
        while self._dues and self._dues[0][0] == moment:
            _, trip = heappop(self._dues)
            if not self._live(moment, trip):
                continue
            if trip in self._opened:
                _, zone, driver = self._opened.pop(trip)
                seconds = self._limit / 1000
                alerts.append(Alert(RIDE_OPEN_TOO_LONG, moment, trip, zone, driver, seconds, seconds))
            else:
                del self._ended[trip]
        return alerts

    def _live(self, moment: int, trip: str) -> bool:
        """Whether it is still due: the ride was not closed meanwhile."""
        if trip in self._opened:
            return self._opened[trip][0] + self._limit == moment
        return trip in self._ended and self._ended[trip][0] + self._limit == moment


def _disagreement(trip: str, start: Said, end: Said) -> Sequence[Alert]:
    said: dict[str, float | int | str | None] = {}
    if abs(start[0] - end[0]) >= _SAME_MS:
        said |= {"start_time": start[0], "end_started_at": end[0]}
    if UNKNOWN not in (start[1], end[1]) and start[1] != end[1]:
        said |= {"start_zone": start[1], "end_zone": end[1]}
    if None not in (start[2], end[2]) and start[2] != end[2]:
        said |= {"start_driver": start[2], "end_driver": end[2]}
    if not said:
        return ()
    return (Alert(END_DISAGREES, start[0], trip, start[1], start[2], len(said) // 2, 0, evidence=said),)
