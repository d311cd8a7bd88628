"""A refund is linked with its fare."""

from __future__ import annotations

from hailstream.domain.alerts.refunds import Refunds
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Event
from tests.unit.alerts.trips import HOUR, MINUTE, ended, told


def fare(trip: str, cents: int, time: int = 0, **more: object) -> Event:
    return ended(time, trip, total_cents=cents, lasted=10 * MINUTE + time, **more)


def pairs(*events: Event, until: int = 0) -> list[tuple[str, str | None]]:
    return [(a.trip_id, a.other_trip_id) for a in told(Refunds(Thresholds(refund_hours=1)), events, until)]


def test_a_mirrored_fare_is_one_alert_whichever_came_first() -> None:
    assert pairs(fare("fare", 1500), fare("refund", -1500, MINUTE)) == [("refund", "fare")]
    assert pairs(fare("refund", -1500), fare("fare", 1500, MINUTE)) == [("refund", "fare")]


def test_another_amount_start_zone_or_vendor_is_no_mirror() -> None:
    refund = fare("refund", -1500, MINUTE)
    assert pairs(fare("fare", 1501), refund) == []
    assert pairs(fare("fare", 1500, zone_id=7), refund) == []
    assert pairs(ended(0, "fare", total_cents=1500, lasted=9 * MINUTE), refund) == []


def test_each_fare_is_refunded_once() -> None:
    refunds = [fare(f"r{i}", -1500, MINUTE) for i in range(3)]
    assert pairs(fare("a", 1500), fare("b", 1500), *refunds) == [("r0", "a"), ("r1", "b")]


def test_copies_are_no_further_fares() -> None:
    events = [fare("fare", 1500), fare("fare", 1500), fare("refund", -1500, MINUTE), fare("refund", -1500, MINUTE)]
    assert pairs(*events) == [("refund", "fare")]


def test_a_refund_that_comes_too_late_finds_nothing_and_all_is_forgotten() -> None:
    fold = Refunds(Thresholds(refund_hours=1))
    assert told(fold, [fare("fare", 1500), fare("refund", -1500, HOUR + 1)], until=3 * HOUR) == []
    assert [len(part) for part in fold.state] == [0, 0]


def test_nothing_is_no_amount() -> None:
    assert pairs(fare("a", 0), fare("b", 0), ended(0, "c", total_cents=None)) == []
