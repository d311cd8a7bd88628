"""A ride without an end is alerted at start + limit, once, and then forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.domain.alerts.rides import OpenRides
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.fold import NEVER, InOrder
from hailstream.domain.zones import UNKNOWN
from tests.unit.alerts.trips import HARLEM, HOUR, NOON, SECOND, TIMES_SQUARE, ended, started, told

LIMIT = 2 * HOUR


def rides() -> OpenRides:
    return OpenRides(Thresholds(open_hours=2))


def test_a_ride_without_an_end_is_alerted_at_exactly_its_start_and_the_limit() -> None:
    [alert] = told(rides(), [started(0, "t", "d")], until=LIMIT + 1)
    assert (alert.time, alert.trip_id, alert.driver_id) == (NOON + LIMIT, "t", "d")
    assert alert.alert_id == "ride_open_too_long:t"


def test_before_the_watermark_is_beyond_the_limit_nothing_is_said() -> None:
    order = InOrder(rides())
    order.add([started(0)])
    assert list(order.advance(NOON + LIMIT)) == []
    assert order.next_moment() == NOON + LIMIT
    assert len(list(order.advance(NOON + LIMIT + 1))) == 1
    assert order.next_moment() == NEVER


def test_an_end_at_the_limit_itself_is_in_time() -> None:
    assert told(rides(), [started(0), ended(LIMIT, lasted=LIMIT)], until=2 * LIMIT) == []


def test_an_end_after_the_alert_brings_no_second_one() -> None:
    alerts = told(rides(), [started(0), ended(LIMIT + SECOND)], until=5 * LIMIT)
    assert len(alerts) == 1


def test_an_end_that_comes_before_its_start_closes_it() -> None:
    assert told(rides(), [ended(0, lasted=-5 * SECOND), started(5 * SECOND)], until=3 * LIMIT) == []


def test_an_end_and_a_start_of_one_moment_close_each_other() -> None:
    assert told(rides(), [started(0), ended(0, lasted=0)], until=3 * LIMIT) == []


@pytest.mark.parametrize("end_first", [False, True])
def test_an_end_that_says_something_else_than_its_start_is_alerted_with_both_words(*, end_first: bool) -> None:
    start, end = started(0, driver="d"), ended(HOUR, driver="e", zone_id=TIMES_SQUARE, lasted=HOUR - SECOND)
    if end_first:
        end = end._replace(time=start.time - SECOND, started_at=start.time + SECOND)
    [alert] = told(rides(), [start, end], until=3 * LIMIT)
    assert (alert.alert_id, alert.time, alert.observed) == ("end_disagrees:t", NOON, 3)
    assert alert.evidence == {
        **{"start_time": NOON, "end_started_at": NOON + SECOND, "start_zone": HARLEM, "end_zone": TIMES_SQUARE},
        **{"start_driver": "d", "end_driver": "e"},
    }


def test_what_is_not_known_or_less_than_a_second_apart_is_no_disagreement() -> None:
    nobody = ended(HOUR, driver=None, zone_id=UNKNOWN, lasted=HOUR - SECOND + 1)
    assert told(rides(), [started(0, driver="d"), nobody], until=3 * LIMIT) == []


def test_a_second_copy_of_a_start_opens_nothing_anew() -> None:
    alerts = told(rides(), [started(0), started(0), ended(HOUR, lasted=HOUR)], until=3 * LIMIT)
    assert alerts == []


def test_all_is_forgotten_after_both_events_and_after_the_limit() -> None:
    fold = rides()
    trips = [started(i, f"t{i}") for i in range(200)] + [ended(HOUR + i, f"t{i}", lasted=HOUR) for i in range(150)]
    trips += [ended(HOUR, f"no start {i}") for i in range(50)]
    told(fold, trips, until=HOUR + SECOND)
    opened, without_start = fold.state
    assert (len(opened), len(without_start)) == (50, 50)
    told(fold, [], until=HOUR + LIMIT + SECOND)
    assert [len(part) for part in fold.state] == [0, 0]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30), st.integers(-2, 30)), max_size=30))
def test_alerted_are_the_rides_that_a_look_at_all_events_finds(rows: list[tuple[int, int, int]]) -> None:
    """Each trip once; ends within the limit of the start, or before it by no more."""
    trips = {f"t{trip}": (start, end) for trip, start, end in rows}
    events = [started(start * HOUR, trip) for trip, (start, _) in trips.items()]
    events_of_end = [ended((start + end) * HOUR, trip, lasted=end * HOUR) for trip, (start, end) in trips.items()]
    alerts = told(rides(), [*events, *events_of_end], until=200 * HOUR)
    expected = {trip for trip, (_, end) in trips.items() if end > 2}
    assert {alert.trip_id for alert in alerts} == expected
    assert len(alerts) == len(expected)
