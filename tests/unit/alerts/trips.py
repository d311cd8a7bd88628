"""Trips for the tests of rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from hailstream.domain.events import ENDED_RANK, STARTED_RANK, Ended, Event, Started
from hailstream.domain.fold import Fold, InOrder

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
#: 2024-03-01T12:00Z, a full minute.
NOON = 1_709_294_400_000
HARLEM, TIMES_SQUARE, KENNEDY = 41, 230, 132

Output = TypeVar("Output")


def started(time: int, trip: str = "t", driver: str | None = "d", vehicle: str | None = "v", **more: Any) -> Started:
    """A start ``time`` ms after noon."""
    values: dict[str, Any] = {"zone_id": HARLEM, "latitude": float("nan"), "longitude": float("nan"), "passengers": 1}
    return Started(NOON + time, STARTED_RANK, trip, "1", driver, vehicle, **(values | more))


def ended(
    time: int,
    trip: str = "t",
    driver: str | None = "d",
    vehicle: str | None = "v",
    lasted: int = 10 * MINUTE,
    **more: Any,
) -> Ended:
    """An end ``time`` ms after noon of a trip that lasted so many ms."""
    nan = float("nan")
    values: dict[str, Any] = {"zone_id": HARLEM, "latitude": nan, "longitude": nan, "passengers": 1}
    values |= {"end_zone_id": TIMES_SQUARE, "end_latitude": nan, "end_longitude": nan, "miles": 2.0}
    values |= {"rate_code": 1, "fare_cents": 12_10, "total_cents": 15_00, "tip_cents": 2_00}
    values["started_at"] = NOON + time - lasted
    return Ended(NOON + time, ENDED_RANK, trip, "1", driver, vehicle, **(values | more))


def told(fold: Fold[Output], events: Iterable[Event], until: int = 0) -> list[Output]:
    """What follows from events, and from time until so many ms after noon."""
    events = list(events)
    order = InOrder(fold)
    order.add(events)
    return list(order.advance(max([NOON + until, *(event.time + 1 for event in events)])))
