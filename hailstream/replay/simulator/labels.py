"""Which rule of alerts a fault is for, and whether by its size the rule should speak.

A fault has a *size* in the unit of its rule, and sizes are drawn on both sides
of the usual threshold: a rule that speaks of everything is as wrong as one that
never does. Some rules ask for a second thing, the *basis*: of impossible travel
the miles of the way, of a fare that stands out the fares it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.alerts.alert import (
    END_DISAGREES,
    FARE_OFF_CARD,
    FARE_OUTLIER,
    IMPLAUSIBLE_SPEED,
    IMPOSSIBLE_TRAVEL,
    OVERLAPPING_TRIPS,
    REFUND_OF_FARE,
    RIDE_OPEN_TOO_LONG,
    TOO_MANY_TRIPS,
    TRIP_OUTSIDE_BOUNDS,
    TWO_VEHICLES,
    Rule,
)
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.rules import BOUNDS
from hailstream.replay.simulator.cases import Case

Sizes: TypeAlias = npt.NDArray[np.float64]

#: Start times of the two events of a trip that differ by less are the same.
SAME_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Aim:
    """What a fault is for.

    Attributes:
        rule: that should find it.
        at_end: whether the rule finds it in the end of the trip, not in its start.
        found: whether it should, from sizes, bases and thresholds; columns.
    """

    rule: Rule
    at_end: bool
    found: Callable[[Sizes, Sizes, Thresholds], Any]


def _always(size: Sizes, *_: Any) -> Any:
    return np.ones(len(size), np.bool_)


#: By fault. What is not here no rule of alerts is for.
AIMS: Final[Mapping[Case, Aim]] = {
    # Miles per hour.
    Case.SPEED: Aim(IMPLAUSIBLE_SPEED, True, lambda size, _, limits: size > limits.speed_mph),
    # Miles; minutes.
    Case.DISTANCE_BOUND: Aim(TRIP_OUTSIDE_BOUNDS, True, lambda size, *_: BOUNDS.distance.outside_column(size)),
    Case.DURATION_BOUND: Aim(TRIP_OUTSIDE_BOUNDS, True, lambda size, *_: BOUNDS.duration.outside_column(size)),
    # Cents from the nearest fare that the rate card gives; of an impossible one, from the honest fare.
    Case.FARE: Aim(FARE_OFF_CARD, True, lambda size, *_: size > 0),
    Case.FARE_BOUND: Aim(FARE_OFF_CARD, True, lambda size, *_: size > 0),
    # Tenths of the fare's logarithm, the least deviation that the rule knows; basis: fares of the hour before.
    Case.OUTLIER: Aim(
        FARE_OUTLIER,
        True,
        lambda size, basis, limits: (np.abs(size) > limits.outlier_z) & (basis >= limits.outlier_samples),
    ),
    # Seconds.
    Case.OVERLAP: Aim(OVERLAPPING_TRIPS, True, lambda size, _, limits: size > limits.overlap_seconds),
    # Miles per hour as the crow flies; basis: miles.
    Case.TRAVEL: Aim(
        IMPOSSIBLE_TRAVEL,
        False,
        lambda size, basis, limits: (size > limits.travel_mph) & (basis >= limits.travel_miles),
    ),
    # Seconds between the vehicles.
    Case.VEHICLES: Aim(TWO_VEHICLES, False, lambda size, _, limits: size < limits.vehicle_minutes * 60),
    # The how manieth trip within ten minutes it is.
    Case.VELOCITY: Aim(TOO_MANY_TRIPS, False, lambda size, _, limits: size > limits.velocity_trips),
    # Seconds from the fare to its refund.
    Case.REFUND: Aim(REFUND_OF_FARE, True, lambda size, _, limits: size * 1000 <= limits.refund_ms),
    # Seconds for which the ride is open, within the log.
    Case.OPEN: Aim(RIDE_OPEN_TOO_LONG, False, lambda size, _, limits: size * 1000 > limits.open_ms),
    Case.NEVER_ENDED: Aim(RIDE_OPEN_TOO_LONG, False, lambda size, _, limits: size * 1000 > limits.open_ms),
    # Fields; seconds.
    Case.OTHER_ZONE: Aim(END_DISAGREES, True, _always),
    Case.OTHER_DRIVER: Aim(END_DISAGREES, True, _always),
    Case.OTHER_TIME: Aim(END_DISAGREES, True, lambda size, *_: size >= SAME_SECONDS),
}

_UNREADABLE = (Case.RANDOM, Case.TRUNCATED, Case.LENGTHENED, Case.FLIPPED, Case.UNKNOWN_SCHEMA, Case.EMPTY)

#: Rules that may rightly speak of such a trip too, without being what the fault is for: 300 miles
#: in ten minutes are no speed, and no fare fits them.
ALSO: Final[Mapping[Case, frozenset[str]]] = {
    Case.DISTANCE_BOUND: frozenset((IMPLAUSIBLE_SPEED.name, FARE_OFF_CARD.name, FARE_OUTLIER.name)),
    Case.DURATION_BOUND: frozenset(
        (
            IMPLAUSIBLE_SPEED.name,
            FARE_OFF_CARD.name,
            FARE_OUTLIER.name,
            OVERLAPPING_TRIPS.name,
            END_DISAGREES.name,
        )
    ),
    Case.COORDINATES_BOUND: frozenset((END_DISAGREES.name,)),
    Case.FARE: frozenset((FARE_OUTLIER.name,)),
    **dict.fromkeys(_UNREADABLE, frozenset((RIDE_OPEN_TOO_LONG.name,))),
}


def should_be_found(case: Case, sizes: Sizes, bases: Sizes, limits: Thresholds) -> npt.NDArray[np.bool_]:
    """Whether the rule that a fault is for should speak, for columns of its sizes and bases.

    Raises:
        KeyError: no rule is for the case.
    """
    found: npt.NDArray[np.bool_] = AIMS[case].found(sizes, bases, limits)
    return found
