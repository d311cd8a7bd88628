"""Rides that began and do not end."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, Final

from hailstream.domain.alerts.alert import RIDE_OPEN_TOO_LONG, Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Event, Started

_SLACK: Final = 64


class OpenRides:
    """Alerts at start + limit when no end was told by then.

    An end that comes before its start closes it too. What is known of a ride is
    forgotten after both its events, or after the limit.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._limit = thresholds.open_ms
        # Trip to its start; trip to the end that came first; (due, trip) of both.
        self.state: Any = ({}, {}, [])

    def event(self, event: Event) -> Iterator[Alert]:
        opened, ended, dues = self.state
        if isinstance(event, Started):
            if event.trip_id in ended:
                del ended[event.trip_id]
            elif event.trip_id not in opened:
                opened[event.trip_id] = (event.time, event.zone_id, event.driver_id)
                heappush(dues, (event.time + self._limit, event.trip_id))
        elif opened.pop(event.trip_id, None) is None:
            ended[event.trip_id] = event.time
            heappush(dues, (event.time + self._limit, event.trip_id))
        if len(dues) > 2 * (len(opened) + len(ended)) + _SLACK:
            self._forget_closed()
        return iter(())

    def due(self) -> int | None:
        dues = self.state[2]
        while dues and not self._live(*dues[0]):
            heappop(dues)
        return int(dues[0][0]) if dues else None

    def at(self, moment: int) -> Iterator[Alert]:
        opened, ended, dues = self.state
        while dues and dues[0][0] == moment:
            _, trip = heappop(dues)
            if not self._live(moment, trip):
                continue
            if trip in opened:
                _, zone, driver = opened.pop(trip)
                seconds = self._limit / 1000
                yield Alert(RIDE_OPEN_TOO_LONG, moment, trip, zone, driver, seconds, seconds)
            else:
                del ended[trip]

    def _live(self, moment: int, trip: str) -> bool:
        """Whether it is still due: the ride was not closed meanwhile."""
        opened, ended, _ = self.state
        if trip in opened:
            return bool(opened[trip][0] + self._limit == moment)
        return bool(trip in ended and ended[trip] + self._limit == moment)

    def _forget_closed(self) -> None:
        opened, ended, dues = self.state
        # Sorted, a list is a heap.
        self.state = (opened, ended, sorted(due for due in dues if self._live(*due)))
