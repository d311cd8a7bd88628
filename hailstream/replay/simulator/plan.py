"""How many trips begin in each hour, and how large a fleet that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.errors import HailstreamError
from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.rhythm import HOUR_MS, Hours, load_week
from hailstream.replay.simulator.spec import SimulationSpec

Floats: TypeAlias = npt.NDArray[np.float64]

BUSIEST = 0.75  # of the fleet, with a passenger or on the way to where the next one is, in the busiest hour
TURNAROUND_MS = 60_000  # at least, between two trips
CRUISE_MPH = 25.0
MAX_DRIVERS = 20_000_000
SPREAD = 0.28  # of the logarithm of speeds


@dataclass(frozen=True)
class Plan:
    """How many trips there are, and drivers for them.

    Attributes:
        begins: trips that begin per ms, by hour.
        driving: drivers with a passenger, by hour.
        cruise: mean time from one trip to where the next one may begin, ms.
        size: of the fleet.
        events_per_second: in the mean of the span.
    """

    begins: Floats
    driving: Floats
    cruise: float
    size: int
    events_per_second: float


def make_plan(spec: SimulationSpec, city: City, hours: Hours) -> Plan:
    """The plan of a simulation.

    Raises:
        HailstreamError: the rate needs more drivers than can be simulated.
    """
    week = load_week()
    rng = np.random.Generator(np.random.PCG64(0))
    origins = city.draw_pickup(rng.random(50_000))
    targets = city.draw_target(origins, rng.random(50_000))
    miles = city.miles[origins, targets] * 1.05
    _, way = cruise_time(city, targets, rng.random(50_000))
    # The mean of 1/speed is exp(spread^2 / 2) times that of the median speed.
    hours_at_1_mph = float(np.mean(miles / pace(miles))) * float(np.exp(SPREAD**2 / 2))
    takes = hours_at_1_mph / week.mph * HOUR_MS
    between = TURNAROUND_MS + float(np.mean(way))
    start, end = spec.start.timestamp() * 1000, spec.end.timestamp() * 1000
    inside = np.clip(np.minimum(hours.edges[1:], end) - np.maximum(hours.edges[:-1], start), 0, None)
    mean = float(np.sum(week.weights[hours.of_week] * inside) / np.sum(inside))
    if spec.rate is None:
        per_ms = BUSIEST * (spec.drivers or 1) / float(np.max(week.weights * (takes + between)))
    else:
        per_ms = spec.rate / 2 / 1000 / mean  # a trip is two events
    begins = per_ms * week.weights[hours.of_week]
    driving = begins * takes[hours.of_week]
    needed = int(np.ceil(np.max((driving + begins * between)[inside > 0]) / BUSIEST - 1e-6))
    if needed > MAX_DRIVERS:
        raise HailstreamError(
            f"sim: rate={spec.rate:g} needs {needed:,} drivers, more than {MAX_DRIVERS:,}",
            hint="lower the rate and replay it at a higher --speed",
            exit_code=2,
        )
    return Plan(begins, driving, between, max(needed, spec.drivers or 1), 2000 * per_ms * mean)


def cruise_time(
    city: City, zones: npt.NDArray[np.int16], chances: Floats
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Where free drivers go, and how long it takes them (ms), from edge to edge at most."""
    nearby = city.draw_cruise(zones, chances)
    miles = np.where(nearby == zones, 0, city.miles[zones, nearby] + city.radius[zones] + city.radius[nearby])
    return nearby, (miles / CRUISE_MPH * HOUR_MS).astype(np.int64)


def pace(miles: Floats) -> Floats:
    """How much faster than the median a trip of this length is: long ones use the highways."""
    return 0.75 * (1 + 0.2 * miles) ** 0.73
