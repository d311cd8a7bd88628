"""Events as the rules that need their order see them: one at a time."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Started(NamedTuple):
    """A trip began. Times are ms since 1970; the place may be NaN, the zone is 264 where it is not known."""

    time: int
    trip_id: str
    vendor_id: str | None
    driver_id: str | None
    vehicle_id: str | None
    zone_id: int
    latitude: float
    longitude: float
    passengers: int | None


class Ended(NamedTuple):
    """A trip ended; amounts in cents, None where not known. Zone and place are those of the start."""

    time: int
    trip_id: str
    vendor_id: str | None
    driver_id: str | None
    vehicle_id: str | None
    zone_id: int
    latitude: float
    longitude: float
    passengers: int | None
    started_at: int
    end_zone_id: int
    end_latitude: float
    end_longitude: float
    miles: float | None
    rate_code: int | None
    fare_cents: int | None
    total_cents: int | None


Event: TypeAlias = Started | Ended
