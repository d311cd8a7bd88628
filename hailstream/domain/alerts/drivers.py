"""What one driver cannot do: rules over a driver's trips."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hailstream.domain.alerts.alert import IMPOSSIBLE_TRAVEL, OVERLAPPING_TRIPS, TOO_MANY_TRIPS, TWO_VEHICLES, Alert
from hailstream.domain.alerts.thresholds import MINUTE_MS, Thresholds
from hailstream.domain.events import ENDED_RANK, STARTED_RANK, Ended, Started
from hailstream.domain.fold import NEVER
from hailstream.domain.geo import MILES_A_DEGREE, miles_between
from hailstream.domain.rules import BOUNDS
from hailstream.domain.zones import ZONES

HOUR_MS: Final = 60 * MINUTE_MS
VELOCITY_MS: Final = 10 * MINUTE_MS
#: The longest trip that is one; a driver of whom nothing was heard for so long is forgotten.
MEMORY_MS: Final = round(BOUNDS.duration.high * MINUTE_MS)

#: No two places within the bounds of the city are so far apart.
CITY_MILES: Final = 60.0

# A driver's memory is a list of these.
_STARTS, _LAST_START, _LAST_END, _TRIPS, _HEARD = range(5)


class DriverTrips:
    """Impossible travel, overlapping trips, too many trips, two vehicles.

    Events without a driver are nobody's. A second copy of an event says nothing new. An end
    with a negative total is the refund of a trip, and not another one.
    """

    ranks = frozenset({ENDED_RANK, STARTED_RANK})

    def __init__(self, thresholds: Thresholds) -> None:
        self._limits = thresholds
        self._city_ms = CITY_MILES / thresholds.travel_mph * HOUR_MS
        # Driver to: starts of ten minutes; last start; last end; ended trips that a trip may overlap; last heard.
        # Drivers in the order in which they were last heard of.
        # A plain dict looks for its first item behind the places of all that were taken out.
        self.state: Any = OrderedDict()

    @property
    def due(self) -> int:
        for memory in self.state.values():
            return int(memory[_HEARD] + MEMORY_MS)
        return NEVER

    def tell(self, told: Sequence[Any], watermark: int) -> Sequence[Alert]:
        """See :meth:`Fold.tell`."""
        drivers, alerts = self.state, list[Alert]()
        due = self.due
        for event in told:
            driver = event.driver_id
            if driver is None:
                continue
            time = event[0]
            if due < time:
                self._forget(time)
                due = self.due
            memory = drivers.get(driver)
            if memory is None:
                memory = drivers[driver] = [[], None, None, {}, 0]
                due = min(due, time + MEMORY_MS)
            else:
                drivers.move_to_end(driver)
            memory[_HEARD] = time
            if event[1] == STARTED_RANK:
                self._started(event, memory, alerts)
            else:
                self._ended(event, memory, alerts)
        self._forget(watermark)
        return alerts

    def _forget(self, now: int) -> None:
        """The drivers of whom nothing was heard for too long, who come first."""
        drivers = self.state
        while drivers:
            driver, memory = next(iter(drivers.items()))
            if memory[_HEARD] + MEMORY_MS >= now:
                return
            del drivers[driver]

    def _started(self, start: Started, memory: list[Any], alerts: list[Alert]) -> None:
        time, trip = start.time, start.trip_id
        starts = memory[_STARTS]
        while starts and starts[0][0] <= time - VELOCITY_MS:
            del starts[0]
        for _, other in starts:
            if other == trip:
                return
        starts.append((time, trip))
        if len(starts) > self._limits.velocity_trips:
            alerts.append(
                Alert(
                    TOO_MANY_TRIPS,
                    time,
                    trip,
                    start.zone_id,
                    start.driver_id,
                    len(starts),
                    self._limits.velocity_trips,
                    evidence={"first": starts[0][1], "seconds": (time - starts[0][0]) / 1000},
                )
            )
        last_start, last_end = memory[_LAST_START], memory[_LAST_END]
        if last_start is not None and last_start[2] != start.vehicle_id:
            alerts += self._vehicles(start, last_start, last_end)
        # No way within the city is too long for so many hours.
        if last_end is not None and time - last_end[0] <= self._city_ms:
            alerts += self._travel(start, last_end)
        memory[_LAST_START] = (time, trip, start.vehicle_id)

    def _vehicles(self, start: Started, last_start: Any, last_end: Any) -> Iterator[Alert]:
        if start.vehicle_id is None or last_start[2] in (None, start.vehicle_id):
            return
        time, trip, vehicle = last_start
        if last_end is not None and last_end[1] == trip:
            time = last_end[0]
        least = self._limits.vehicle_minutes * 60
        seconds = (start.time - time) / 1000
        if seconds < least:
            vehicles = {"vehicle": start.vehicle_id, "other_vehicle": vehicle}
            yield Alert(
                TWO_VEHICLES,
                start.time,
                start.trip_id,
                start.zone_id,
                start.driver_id,
                seconds,
                least,
                trip,
                evidence=vehicles,
            )

    def _travel(self, start: Started, last_end: Any) -> Iterator[Alert]:
        time, trip, zone, latitude, longitude = last_end
        hours = (start.time - time) / HOUR_MS
        here, there = _place(start.zone_id, start.latitude, start.longitude), _place(zone, latitude, longitude)
        if here is None or there is None or here == there:
            return
        # Along the meridian and then to the side is further than straight on.
        most = MILES_A_DEGREE * (abs(here[0] - there[0]) + abs(here[1] - there[1]))
        if most < self._limits.travel_miles or most <= self._limits.travel_mph * hours:
            return
        miles = miles_between(there, here)
        if miles >= self._limits.travel_miles and miles > self._limits.travel_mph * hours:
            mph = miles / hours if hours > 0 else math.inf
            evidence = {"miles": round(miles, 3), "seconds": (start.time - time) / 1000, "from_zone": zone}
            yield Alert(
                IMPOSSIBLE_TRAVEL,
                start.time,
                start.trip_id,
                start.zone_id,
                start.driver_id,
                round(mph, 1),
                self._limits.travel_mph,
                trip,
                evidence=evidence,
            )

    def _ended(self, end: Ended, memory: list[Any], alerts: list[Alert]) -> None:
        time, trip, started = end.time, end.trip_id, end.started_at
        if end.total_cents is not None and end.total_cents < 0:
            return
        if memory[_LAST_END] is not None and memory[_LAST_END][1] == trip:
            return
        memory[_LAST_END] = (time, trip, end.end_zone_id, end.end_latitude, end.end_longitude)
        if not 0 <= time - started <= MEMORY_MS:
            return
        # A trip that ended so long ago cannot overlap one that is no longer than the longest.
        trips, last = memory[_TRIPS], time - MEMORY_MS
        while trips:
            first = next(iter(trips))
            if trips[first][1] > last:
                break
            del trips[first]
        if trip in trips:
            return
        overlaps = []
        # They are in the order of their ends.
        for other, known in reversed(trips.items()):
            if known[1] <= started:
                break
            overlaps.append((other, *known))
        least = self._limits.overlap_seconds
        for other, other_started, other_ended, zone in reversed(overlaps):
            seconds = (min(other_ended, time) - max(other_started, started)) / 1000
            if seconds > least:
                # It is about the one that began while the other was under way.
                later = (trip, end.zone_id, other)
                if other_started > started:
                    later = (other, zone, trip)
                alerts.append(
                    Alert(OVERLAPPING_TRIPS, time, later[0], later[1], end.driver_id, seconds, least, later[2])
                )
        trips[trip] = (started, time, end.zone_id)


def _place(zone: int, latitude: float, longitude: float) -> tuple[float, float] | None:
    """Where it is, degrees: as given if that lies in the city's bounds, else the middle of the zone."""
    if not BOUNDS.latitude.outside(latitude) and not BOUNDS.longitude.outside(longitude):
        return latitude, longitude
    found = ZONES[zone - 1] if 1 <= zone <= len(ZONES) else None
    if found is None or found.latitude is None or found.longitude is None:
        return None
    return found.latitude, found.longitude
