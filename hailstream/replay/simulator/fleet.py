"""The fleet: drivers who take a passenger, drive, and look for the next one nearby."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.plan import SPREAD, TURNAROUND_MS, cruise_time, make_plan, pace
from hailstream.replay.simulator.rhythm import HOUR_MS, Demand, Hours, load_week
from hailstream.replay.simulator.spec import SimulationSpec
from hailstream.replay.simulator.trips import TRIP, Trips

Floats: TypeAlias = npt.NDArray[np.float64]

SHORTEST_MS, LONGEST_MS = 90_000, 6_600_000  # a ride of two hours is an alert
_PASSENGERS = np.array([1] * 71 + [2] * 14 + [3] * 4 + [4] * 2 + [5] * 4 + [6] * 3 + [-1] * 2, np.int8)


@dataclass(frozen=True)
class Begun:
    """Trips that begin in a time slice, in order of their start, and when each driver's next one begins."""

    trips: Trips
    next_start: npt.NDArray[np.int64]


class Fleet:
    """All drivers, at a moment that :meth:`drive` moves on.

    Raises:
        HailstreamError: the rate needs more drivers than can be simulated.
    """

    def __init__(self, spec: SimulationSpec, city: City, hours: Hours) -> None:
        self._city = city
        self._hours = hours
        self._seed = spec.seed
        self._coordinates = spec.coordinates
        self._mph = load_week().mph[hours.of_week]
        plan = make_plan(spec, city, hours)
        self.size, self.events_per_second = plan.size, plan.events_per_second
        self._demand = Demand(hours, plan.begins, plan.driving + plan.begins * plan.cruise, self.size)
        self._serial = 0
        self._begins = plan.begins
        self._start = start = int(spec.start.timestamp() * 1000)
        hour = hours.index(np.array([start]))[0]
        self.under_way = self._begin(start, plan.driving[hour], plan.begins[hour], plan.cruise)

    def drive(self, number: int, until: int) -> Begun:
        """The trips that begin before ``until`` (ms) and were not told yet; ``number`` is the slice's."""
        rng = self._random(number)
        found: list[tuple[Trips, npt.NDArray[np.int64]]] = []
        due = np.flatnonzero(self._next_start < until)
        while due.size:
            trips = self._trips(due.astype(np.uint32), self._next_start[due], rng)
            self._finish(due, trips, rng)
            found.append((trips, self._next_start[due]))
            due = due[self._next_start[due] < until]
        if not found:
            return Begun(np.empty(0, TRIP), np.empty(0, np.int64))
        trips = np.concatenate([part for part, _ in found])
        next_start = np.concatenate([part for _, part in found])
        order = np.argsort(trips["start"], kind="stable")
        trips, next_start = trips[order], next_start[order]
        self._number(trips)
        return Begun(trips, next_start)

    def expected_fares(self, zones: npt.NDArray[np.int16], times: npt.NDArray[np.int64]) -> Floats:
        """How many trips from each zone end in the hour before a time (ms), about, within the log."""
        span = np.clip(times - self._start, 0, HOUR_MS)
        expected: Floats = self._begins[self._hours.index(times)] * self._city.pickups[zones] * span
        return expected

    def extra_trips(
        self,
        drivers: npt.NDArray[np.uint32],
        starts: npt.NDArray[np.int64],
        origins: npt.NDArray[np.int16],
        rng: np.random.Generator,
    ) -> Trips:
        """Trips from these places that do not move the drivers on."""
        return self._trips(drivers, starts, rng, origins)

    def _random(self, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((self._seed, number + 1))))

    def _begin(self, start: int, driving: float, begins: float, cruise: float) -> Trips:
        """Put the fleet into the city as it is at ``start``; the trips then under way."""
        rng = self._random(-1)
        self._zone = self._city.draw_pickup(rng.random(self.size))
        self._spot = np.full(self.size, -1, np.int8)
        chance = rng.random(self.size) * self.size
        drivers = np.flatnonzero(chance < driving)
        trips = self._trips(drivers.astype(np.uint32), np.full(len(drivers), start, np.int64), rng)
        if len(trips):
            # At a given moment, long trips are met more often than short ones.
            length = np.cumsum(trips["end"] - trips["start"])
            chosen = np.searchsorted(length, rng.random(len(trips)) * length[-1], "right")
            drivers_of = trips["driver"].copy()
            trips = trips[np.minimum(chosen, len(trips) - 1)]
            trips["driver"] = trips["vehicle"] = drivers_of
            age = (rng.random(len(trips)) * (trips["end"] - trips["start"])).astype(np.int64) + 1
            trips["start"] -= age
            trips["end"] -= age
            self._number(trips)
        # Those between two trips are anywhere on their way; the others wait already.
        cruising = np.clip((driving + begins * cruise - chance) / begins, 0, cruise)
        free = start + cruising.astype(np.int64)
        self._next_start = self._demand.next_passenger(free, rng.standard_exponential(self.size))
        self._finish(drivers, trips, rng)
        return trips

    def _trips(
        self,
        drivers: npt.NDArray[np.uint32],
        starts: npt.NDArray[np.int64],
        rng: np.random.Generator,
        origins: npt.NDArray[np.int16] | None = None,
    ) -> Trips:
        city, count = self._city, len(drivers)
        trips = np.zeros(count, TRIP)
        trips["start"] = starts
        trips["driver"] = trips["vehicle"] = drivers
        trips["origin"] = origin = self._zone[drivers] if origins is None else origins
        trips["target"] = target = city.draw_target(origin, rng.random(count))
        miles = city.miles[origin, target] * (0.85 + 0.4 * rng.random(count))
        trips["miles_100"] = np.rint(miles * 100)
        speed = self._mph[self._hours.index(starts)] * pace(miles)
        speed *= np.exp(SPREAD * rng.standard_normal(count))
        lasts = miles / np.clip(speed, 3.0, 45.0) * HOUR_MS
        trips["end"] = starts + np.clip(lasts, SHORTEST_MS, LONGEST_MS).astype(np.int64)
        trips["passengers"] = _PASSENGERS[(rng.random(count) * len(_PASSENGERS)).astype(np.int64)]
        by_place = rng.random(count) < self._coordinates
        spots = rng.integers(0, city.latitudes.shape[1], (2, count), np.int8)
        # A driver who has not left the zone is where the last trip ended.
        origin_spot = spots[0]
        if origins is None:
            stood = self._spot[drivers]
            origin_spot = np.where(stood >= 0, stood, spots[0])
        trips["origin_spot"] = np.where(by_place, origin_spot, -1)
        trips["target_spot"] = np.where(by_place, spots[1], -1)
        return trips

    def _finish(self, at: npt.NDArray[np.int64], trips: Trips, rng: np.random.Generator) -> None:
        """Where and when the drivers of these trips find their next passengers."""
        target = trips["target"]
        nearby, way = cruise_time(self._city, target, rng.random(len(at)))
        there = trips["end"] + TURNAROUND_MS + way
        self._zone[at] = nearby
        self._spot[at] = np.where(nearby == target, trips["target_spot"], -1)
        self._next_start[at] = self._demand.next_passenger(there, rng.standard_exponential(len(at)))

    def _number(self, trips: Trips) -> None:
        trips["serial"] = np.arange(self._serial, self._serial + len(trips), dtype=np.uint64)
        self._serial += len(trips)
