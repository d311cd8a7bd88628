"""From where on a rule speaks."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS = 60_000


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of all rules; each is a setting ``alert_<name>``.

    Attributes:
        speed_mph: mean speed of a trip, above it is implausible.
        open_hours: a ride without an end for longer is alerted.
        outlier_z: robust z-score of a fare within its zone's trailing hour.
        outlier_samples: fewest fares of that hour to compare with.
        travel_mph: speed as the crow flies between a driver's trips.
        travel_miles: shorter ways are not judged: a zone's middle is not its edge.
        overlap_seconds: by which two trips of a driver overlap at least.
        velocity_trips: more trips within ten minutes are too many.
        vehicle_minutes: least time between the end of a trip and a start in another vehicle.
        refund_hours: how long a fare waits for its refund, or a refund for its fare.
        risk_half_life_hours: after which an alert counts half in its driver's risk.
    """

    speed_mph: float = 80.0
    open_hours: float = 2.0
    outlier_z: float = 3.0
    outlier_samples: int = 30
    travel_mph: float = 80.0
    travel_miles: float = 3.0
    overlap_seconds: float = 30.0
    velocity_trips: int = 6
    vehicle_minutes: float = 5.0
    refund_hours: float = 1.0
    risk_half_life_hours: float = 24.0

    @property
    def open_ms(self) -> int:
        return round(self.open_hours * 60 * MINUTE_MS)

    @property
    def refund_ms(self) -> int:
        return round(self.refund_hours * 60 * MINUTE_MS)
