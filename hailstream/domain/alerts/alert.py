"""What an alert says, and the rules there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is if the alert is right."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        name: its id, part of each alert's id.
        severity: of its alerts.
        waits: it needs the order of events and so waits for the watermark.
        unit: of the observed value and of what it is compared with.
    """

    name: str
    severity: Severity
    waits: bool
    unit: str


IMPLAUSIBLE_SPEED = Rule("implausible_speed", Severity.HIGH, waits=False, unit="mph")
TRIP_OUTSIDE_BOUNDS = Rule("trip_outside_bounds", Severity.LOW, waits=False, unit="bounds")
FARE_OFF_CARD = Rule("fare_off_card", Severity.MEDIUM, waits=False, unit="US cents")
FARE_OUTLIER = Rule("fare_outlier", Severity.MEDIUM, waits=True, unit="z")
IMPOSSIBLE_TRAVEL = Rule("impossible_travel", Severity.HIGH, waits=True, unit="mph")
OVERLAPPING_TRIPS = Rule("overlapping_trips", Severity.HIGH, waits=True, unit="s")
TOO_MANY_TRIPS = Rule("too_many_trips", Severity.MEDIUM, waits=True, unit="trips")
TWO_VEHICLES = Rule("two_vehicles", Severity.CRITICAL, waits=True, unit="s")
RIDE_OPEN_TOO_LONG = Rule("ride_open_too_long", Severity.MEDIUM, waits=True, unit="s")
REFUND_OF_FARE = Rule("refund_of_fare", Severity.LOW, waits=True, unit="US cents")
END_DISAGREES = Rule("end_disagrees", Severity.MEDIUM, waits=True, unit="fields")

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        IMPLAUSIBLE_SPEED,
        TRIP_OUTSIDE_BOUNDS,
        FARE_OFF_CARD,
        FARE_OUTLIER,
        IMPOSSIBLE_TRAVEL,
        OVERLAPPING_TRIPS,
        TOO_MANY_TRIPS,
        TWO_VEHICLES,
        RIDE_OPEN_TOO_LONG,
        REFUND_OF_FARE,
        END_DISAGREES,
    )
}


@dataclass(frozen=True)
class Alert:
    """One alert. Of a rule and a trip there is at most one, or one for each other trip it is about.

    Attributes:
        rule: that gave it.
        time: event time (ms since 1970) of what it is about.
        trip_id: the trip it is about.
        zone_id: where that trip began.
        driver_id: pseudonym; None where not known.
        other_trip_id: the trip it was compared with, if it was one.
        observed, expected: what was seen, and the limit or baseline it was compared with, in the rule's unit.
        samples: how many values the baseline is made of; None where there is no baseline.
        evidence: further values, by name.
    """

    rule: Rule
    time: int
    trip_id: str
    zone_id: int
    driver_id: str | None
    observed: float
    expected: float
    other_trip_id: str | None = None
    samples: int | None = None
    evidence: Mapping[str, float | int | str | None] = field(default_factory=dict)

    @property
    def alert_id(self) -> str:
        """The same for the same finding, however often it is made."""
        parts = (self.rule.name, self.trip_id, self.other_trip_id)
        return ":".join(part for part in parts if part is not None)
