"""Rules over a driver's trips."""

from __future__ import annotations

import math

import pytest

from hailstream.domain.alerts.drivers import MEMORY_MS, DriverTrips
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Event
from hailstream.domain.rules import BOUNDS
from tests.unit.alerts.trips import HARLEM, HOUR, KENNEDY, MINUTE, NOON, SECOND, TIMES_SQUARE, ended, started, told

LIMITS = Thresholds()


def found(*events: Event) -> list[tuple[str, str, str | None]]:
    return [(a.rule.name, a.trip_id, a.other_trip_id) for a in told(DriverTrips(LIMITS), events)]


def test_honest_trips_one_after_the_other_say_nothing() -> None:
    events: list[Event] = []
    for i in range(10):
        events += [started(i * 20 * MINUTE, f"t{i}", zone_id=TIMES_SQUARE), ended((i * 20 + 10) * MINUTE, f"t{i}")]
    assert found(*events) == []


def test_a_start_too_far_from_the_last_end_is_impossible() -> None:
    alerts = told(
        DriverTrips(LIMITS),
        [ended(0, "a", end_zone_id=KENNEDY), started(5 * MINUTE, "b", zone_id=TIMES_SQUARE)],
    )
    [alert] = alerts
    assert (alert.rule.name, alert.trip_id, alert.other_trip_id) == ("impossible_travel", "b", "a")
    assert alert.evidence["seconds"] == 300
    assert 130 < alert.observed < 200, "some 13 miles in five minutes"


def test_the_same_way_in_an_hour_is_possible() -> None:
    assert found(ended(0, "a", end_zone_id=KENNEDY), started(HOUR, "b", zone_id=TIMES_SQUARE)) == []


def test_in_no_time_the_speed_is_infinite() -> None:
    [alert] = told(DriverTrips(LIMITS), [ended(0, "a", end_zone_id=KENNEDY), started(0, "b", zone_id=TIMES_SQUARE)])
    assert alert.observed == math.inf


def test_places_are_compared_where_they_are_known() -> None:
    near = {"latitude": 40.80, "longitude": -73.95}
    far = {"end_latitude": 40.65, "end_longitude": -73.79}
    assert found(ended(0, "a", **far), started(MINUTE, "b", **near)) == [("impossible_travel", "b", "a")]
    assert found(ended(0, "a", end_zone_id=264), started(MINUTE, "b", **near)) == [], "nobody knows where it ended"
    zeros = {"end_latitude": 0.0, "end_longitude": 0.0, "end_zone_id": 265}
    assert found(ended(0, "a", **zeros), started(MINUTE, "b", **near)) == []


@pytest.mark.parametrize("step", [0, 1e-9])
@pytest.mark.parametrize(
    "edge",
    [
        {"latitude": BOUNDS.latitude.low},
        {"latitude": BOUNDS.latitude.high},
        {"longitude": BOUNDS.longitude.low},
        {"longitude": BOUNDS.longitude.high},
    ],
    ids=str,
)
def test_a_place_on_the_edge_of_the_city_is_known_and_one_beyond_is_not(edge: dict[str, float], step: float) -> None:
    middle = {"latitude": 40.75, "longitude": -73.98}
    place = middle | {axis: degrees + step * (degrees - middle[axis]) for axis, degrees in edge.items()}
    left = {f"end_{axis}": degrees for axis, degrees in middle.items()}
    trips = found(ended(0, "a", **left), started(MINUTE, "b", zone_id=264, **place))
    assert trips == ([] if step else [("impossible_travel", "b", "a")])


def test_trips_that_overlap_are_told_as_a_pair_about_the_one_that_began_later() -> None:
    long = ended(30 * MINUTE, "long", lasted=30 * MINUTE)
    inner = ended(20 * MINUTE, "inner", lasted=10 * MINUTE)
    tail = ended(45 * MINUTE, "tail", lasted=20 * MINUTE)
    assert found(long, inner) == [("overlapping_trips", "inner", "long")]
    assert found(long, tail) == [("overlapping_trips", "tail", "long")]
    assert found(inner, long, inner, long) == [("overlapping_trips", "inner", "long")], "copies say nothing new"


def test_a_long_trip_overlaps_with_each_that_lies_in_it() -> None:
    inner = [ended(10 * i * MINUTE, f"t{i}", lasted=5 * MINUTE) for i in range(1, 4)]
    long = ended(40 * MINUTE, "long", lasted=39 * MINUTE)
    assert found(*inner, long) == [("overlapping_trips", f"t{i}", "long") for i in range(1, 4)]


def test_a_short_overlap_is_a_clock_and_no_fraud() -> None:
    assert found(ended(0, "a"), ended(10 * MINUTE, "b", lasted=10 * MINUTE + 30 * SECOND)) == []
    assert len(found(ended(0, "a"), ended(10 * MINUTE, "b", lasted=10 * MINUTE + 31 * SECOND))) == 1


def test_each_start_beyond_those_allowed_in_ten_minutes_is_told() -> None:
    events = [started(i * MINUTE, f"t{i}") for i in range(9)]
    assert found(*events) == [("too_many_trips", f"t{i}", None) for i in (6, 7, 8)]
    slow = [started(i * 2 * MINUTE, f"t{i}") for i in range(30)]
    assert found(*slow) == []
    assert found(*(started(i * MINUTE, "the same") for i in range(9))) == []


def test_a_driver_cannot_change_the_vehicle_at_once() -> None:
    other = started(2 * MINUTE, "b", vehicle="w", zone_id=TIMES_SQUARE)
    assert found(started(-9 * MINUTE, "a"), ended(0, "a"), other) == [("two_vehicles", "b", "a")]
    later = started(6 * MINUTE, "b", vehicle="w", zone_id=TIMES_SQUARE)
    assert found(started(-9 * MINUTE, "a"), ended(0, "a"), later) == []
    unknown = started(2 * MINUTE, "b", vehicle=None, zone_id=TIMES_SQUARE)
    assert found(started(-9 * MINUTE, "a"), ended(0, "a"), unknown) == []


def test_nobody_is_no_driver() -> None:
    assert found(*(started(i, f"t{i}", driver=None, vehicle=str(i)) for i in range(20))) == []


def test_a_driver_of_whom_nothing_is_heard_is_forgotten() -> None:
    fold = DriverTrips(LIMITS)
    told(fold, [started(0, "a", driver="x"), ended(MINUTE, "b", driver="y"), started(HOUR, "c", driver="x")])
    assert set(fold.state) == {"x", "y"}
    told(fold, [], until=MINUTE + MEMORY_MS + 1)
    assert set(fold.state) == {"x"}
    told(fold, [], until=HOUR + MEMORY_MS + 1)
    assert fold.state == {}


def test_the_alert_names_the_driver_and_the_zone() -> None:
    [alert] = told(
        DriverTrips(LIMITS), [ended(0, "a", end_zone_id=KENNEDY), started(MINUTE, "b", zone_id=TIMES_SQUARE)]
    )
    assert (alert.driver_id, alert.zone_id, alert.time) == ("d", TIMES_SQUARE, NOON + MINUTE)
    assert HARLEM != TIMES_SQUARE


def test_a_refund_is_not_another_trip_of_the_driver() -> None:
    """Neither does it overlap its fare, nor is the driver then where the fare ended."""
    fare = ended(0, "fare", end_zone_id=KENNEDY)
    refund = fare._replace(time=fare.time + HOUR, trip_id="refund", total_cents=-(fare.total_cents or 0))
    events = [fare, refund, started(HOUR + MINUTE, "next", zone_id=TIMES_SQUARE)]
    assert found(*events) == []
    charged = refund._replace(total_cents=1)
    assert [rule for rule, *_ in found(fare, charged, events[2])] == ["overlapping_trips", "impossible_travel"]
