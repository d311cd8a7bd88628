"""Events as the rules that need their order see them: one at a time."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

#: Of one moment the end of a minute is told first, then ends, then ends that came late, then starts.
MINUTE_RANK: Final = -1
ENDED_RANK: Final = 0
LATE_RANK: Final = 1
STARTED_RANK: Final = 2


class Started(NamedTuple):
    """A trip began; rank is ``STARTED_RANK``.

    Times are ms since 1970. Where the place is not known it is NaN, and the zone 264.
    """

    time: int
    rank: int
    trip_id: str
    vendor_id: str | None
    driver_id: str | None
    vehicle_id: str | None
    zone_id: int
    latitude: float
    longitude: float
    passengers: int | None


class Ended(NamedTuple):
    """A trip ended; rank is ``ENDED_RANK``, or ``LATE_RANK`` and ``time`` the watermark that it met.

    As a start, whose zone and place it carries; amounts are cents, None where not known.
    """

    time: int
    rank: int
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
    tip_cents: int | None


class MinuteEnded(NamedTuple):
    """A minute of event time is over: all its events were told; rank is ``MINUTE_RANK``.

    Not every minute has one, but none is told after an event behind it. ``trip_id`` is empty.
    """

    time: int
    rank: int = MINUTE_RANK
    trip_id: str = ""


Event: TypeAlias = Started | Ended
