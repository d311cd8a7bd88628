"""Rides that began and do not end."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any, Final

from hailstream.domain.alerts.alert import RIDE_OPEN_TOO_LONG, Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import STARTED_RANK, Event
from hailstream.domain.fold import NEVER

_SLACK: Final = 64


class OpenRides:
    """Alerts at start + limit when no end was told by then.

    An end that comes before its start closes it too. What is known of a ride is
    forgotten after both its events, or after the limit.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._limit = thresholds.open_ms
        # Trip to its start; trip to the end that came first; (due, trip) of both.
        self._opened: dict[str, tuple[int, int, str | None]] = {}
        self._ended: dict[str, int] = {}
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
        if event.rank == STARTED_RANK:
            if self._ended.pop(trip, None) is None and trip not in self._opened:
                self._opened[trip] = (event.time, event.zone_id, event.driver_id)
                heappush(self._dues, (event.time + self._limit, trip))
        elif self._opened.pop(trip, None) is None:
            self._ended[trip] = event.time
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
        return trip in self._ended and self._ended[trip] + self._limit == moment
