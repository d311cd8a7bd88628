"""What one driver cannot do: rules over a driver's trips."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hailstream.domain.alerts.alert import IMPOSSIBLE_TRAVEL, OVERLAPPING_TRIPS, TOO_MANY_TRIPS, TWO_VEHICLES, Alert
from hailstream.domain.alerts.thresholds import MINUTE_MS, Thresholds
from hailstream.domain.events import Ended, Event, Started
from hailstream.domain.fold import NEVER
from hailstream.domain.geo import miles_between
from hailstream.domain.rules import BOUNDS
from hailstream.domain.zones import ZONES

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

    def __init__(self, thresholds: Thresholds) -> None:
        self._limits = thresholds
        # Driver to: starts of ten minutes; last start; last end; ended trips that a trip may overlap; last heard.
        # Drivers in the order in which they were last heard of.
        # A plain dict looks for its first item behind the places of all that were taken out.
        self.state: Any = OrderedDict()

    @property
    def due(self) -> int:
        for memory in self.state.values():
            return int(memory[_HEARD] + MEMORY_MS)
        return NEVER

    def event(self, event: Event) -> Sequence[Alert]:
        driver = event.driver_id
        if driver is None:
            return ()
        memory = self.state.get(driver)
        if memory is None:
            memory = self.state[driver] = [[], None, None, [], 0]
        else:
            self.state.move_to_end(driver)
        memory[_HEARD] = event.time
        return list(self._started(event, memory) if isinstance(event, Started) else self._ended(event, memory))

    def at(self, moment: int) -> Sequence[Alert]:
        for driver in list(_first(self.state, moment)):
            del self.state[driver]
        return ()

    def _started(self, start: Started, memory: list[Any]) -> Iterator[Alert]:
        earliest = start.time - VELOCITY_MS
        starts = [each for each in memory[_STARTS] if each[0] > earliest]
        if start.trip_id in [trip for _, trip in starts]:
            return
        starts.append((start.time, start.trip_id))
        memory[_STARTS] = starts
        if len(starts) > self._limits.velocity_trips:
            yield Alert(
                TOO_MANY_TRIPS,
                start.time,
                start.trip_id,
                start.zone_id,
                start.driver_id,
                len(starts),
                self._limits.velocity_trips,
                evidence={"first": starts[0][1], "seconds": (start.time - starts[0][0]) / 1000},
            )
        yield from self._vehicles(start, memory[_LAST_START], memory[_LAST_END])
        yield from self._travel(start, memory[_LAST_END])
        memory[_LAST_START] = (start.time, start.trip_id, start.vehicle_id)

    def _vehicles(self, start: Started, last_start: Any, last_end: Any) -> Iterator[Alert]:
        if last_start is None or start.vehicle_id is None or last_start[2] in (None, start.vehicle_id):
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
        if last_end is None:
            return
        time, trip, zone, latitude, longitude = last_end
        hours = (start.time - time) / 3_600_000
        if self._limits.travel_mph * hours > CITY_MILES:
            return
        here, there = _place(start.zone_id, start.latitude, start.longitude), _place(zone, latitude, longitude)
        if here is None or there is None or here == there:
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

    def _ended(self, end: Ended, memory: list[Any]) -> Iterator[Alert]:
        if end.total_cents is not None and end.total_cents < 0:
            return
        if memory[_LAST_END] is not None and memory[_LAST_END][1] == end.trip_id:
            return
        memory[_LAST_END] = (end.time, end.trip_id, end.end_zone_id, end.end_latitude, end.end_longitude)
        if not 0 <= end.time - end.started_at <= MEMORY_MS:
            return
        # A trip that ended so long ago cannot overlap one that is no longer than the longest.
        trips = memory[_TRIPS] = [trip for trip in memory[_TRIPS] if trip[1] > end.time - MEMORY_MS]
        if end.trip_id in [trip for _, _, trip, _ in trips]:
            return
        least = self._limits.overlap_seconds
        for started, ended, trip, zone in trips:
            seconds = (min(ended, end.time) - max(started, end.started_at)) / 1000
            if seconds > least:
                # It is about the one that began while the other was under way.
                later = (end.trip_id, end.zone_id, trip)
                if started > end.started_at:
                    later = (trip, zone, end.trip_id)
                yield Alert(OVERLAPPING_TRIPS, end.time, later[0], later[1], end.driver_id, seconds, least, later[2])
        trips.append((end.started_at, end.time, end.trip_id, end.zone_id))


def _first(state: dict[str, list[Any]], moment: int) -> Iterator[str]:
    """The drivers last heard of so long ago, who come first."""
    for driver, memory in state.items():
        if memory[_HEARD] + MEMORY_MS > moment:
            return
        yield driver


def _place(zone: int, latitude: float, longitude: float) -> tuple[float, float] | None:
    """Where it is, degrees: as given if that lies in the city's bounds, else the middle of the zone."""
    if not BOUNDS.latitude.outside(latitude) and not BOUNDS.longitude.outside(longitude):
        return latitude, longitude
    found = ZONES[zone - 1] if 1 <= zone <= len(ZONES) else None
    if found is None or found.latitude is None or found.longitude is None:
        return None
    return found.latitude, found.longitude
