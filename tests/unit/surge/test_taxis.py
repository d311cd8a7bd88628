"""Starts, ends and idle taxis by zone and minute are those of a plain count over all events."""

from __future__ import annotations

import pickle
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.domain.events import Ended, Event, MinuteEnded
from hailstream.domain.fold import NEVER, InOrder, is_empty
from hailstream.domain.surge.sums import ZoneSums
from hailstream.domain.surge.taxis import IDLE_MS, MINUTE_MS, ClosedMinutes, Minute, ZoneMinutes
from tests.unit.alerts.trips import HARLEM, MINUTE, NOON, SECOND, TIMES_SQUARE, ended, started

Sums = dict[int, Minute]


def sums(told: list[ClosedMinutes]) -> Sums:
    """By end of the minute, ms after noon."""
    return {end - NOON: zones for closed in told for end, zones in closed.minutes}


def told(events: list[Event], ends: list[int]) -> list[ClosedMinutes]:
    """What is told of events with the ends of minutes, ms after noon, between them."""
    order: InOrder[ClosedMinutes] = InOrder(ZoneMinutes())
    order.add([*events, *(MinuteEnded(NOON + end) for end in ends)])
    return order.advance(NOON + max(ends) + 1)


def test_an_end_makes_a_taxi_idle_and_the_next_start_takes_it_away() -> None:
    events: list[Event] = [ended(SECOND, "a"), started(2 * MINUTE, "b", zone_id=HARLEM)]
    found = sums(told(events, [MINUTE, 2 * MINUTE, 3 * MINUTE]))
    assert found == {
        MINUTE: {TIMES_SQUARE: ZoneSums(0, 1, 1, 1)},
        3 * MINUTE: {TIMES_SQUARE: ZoneSums(0, 0, 0, -1), HARLEM: ZoneSums(1, 0, 0, 0)},
    }


def test_after_thirty_minutes_a_taxi_is_idle_no_more() -> None:
    ends = [minute * MINUTE for minute in range(1, 33)]
    found = sums(told([ended(SECOND, "a")], ends))
    assert found[31 * MINUTE] == {TIMES_SQUARE: ZoneSums(0, 0, 0, -1)}
    exactly = sums(told([ended(0, "a")], ends))
    assert 30 * MINUTE not in exactly, "what is due at the end of a minute belongs to the next one"
    assert exactly[31 * MINUTE] == {TIMES_SQUARE: ZoneSums(0, 0, 0, -1)}


def test_without_a_driver_nobody_is_idle() -> None:
    found = sums(told([ended(SECOND, "a", driver=None)], [MINUTE, 40 * MINUTE]))
    assert found == {MINUTE: {TIMES_SQUARE: ZoneSums(0, 1, 0, 0)}}


def test_a_second_copy_is_not_counted() -> None:
    events: list[Event] = [started(1, "a"), ended(SECOND, "a"), started(1, "a"), ended(SECOND, "a")]
    assert sums(told(events, [MINUTE])) == {
        MINUTE: {HARLEM: ZoneSums(1, 0, 0, 0), TIMES_SQUARE: ZoneSums(0, 1, 1, 1)},
    }


def test_a_minute_that_was_not_told_is_told_with_the_next() -> None:
    [closed] = told([started(0, "a"), started(MINUTE, "b")], [5 * MINUTE])
    assert closed.end == NOON + 5 * MINUTE
    assert [end - NOON for end, _ in closed.minutes] == [MINUTE, 2 * MINUTE]


def test_the_state_is_empty_after_its_time() -> None:
    fold = ZoneMinutes()
    order: InOrder[ClosedMinutes] = InOrder(fold)
    order.add([started(0, "a"), ended(SECOND, "a"), MinuteEnded(NOON + 40 * MINUTE)])
    order.advance(NOON + MINUTE)
    assert fold.due == NOON + SECOND + IDLE_MS
    assert not is_empty(fold.state)
    order.advance(NOON + 41 * MINUTE)
    assert fold.due == NEVER
    assert is_empty(fold.state)


DRIVERS = st.sampled_from(["d1", "d2", "d3", None])
EVENTS = st.lists(
    st.builds(
        lambda kind, second, driver, zone: (kind, second, driver, zone),
        st.sampled_from(["start", "end"]),
        st.integers(0, 50 * 60 - 1),
        DRIVERS,
        st.integers(1, 4),
    ),
    max_size=40,
)


def built(drawn: list[tuple[str, int, str | None, int]]) -> list[Event]:
    events: list[Event] = []
    for number, (kind, second, driver, zone) in enumerate(drawn):
        if kind == "start":
            events.append(started(second * SECOND, f"t{number:03}", driver, zone_id=zone))
        else:
            events.append(ended(second * SECOND, f"t{number:03}", driver, end_zone_id=zone))
    return events


def idle_at(events: list[Event], moment: int) -> Counter[int]:
    """Idle taxis by zone before a moment, by looking at each driver's last event."""
    last: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: event[:3]):
        if event.time < moment and event.driver_id is not None:
            last[event.driver_id] = event
    return Counter(
        event.end_zone_id for event in last.values() if isinstance(event, Ended) and event.time + IDLE_MS >= moment
    )


@settings(deadline=None)
@given(EVENTS, st.lists(st.integers(1, 60), unique=True), st.integers(0, 60))
def test_it_is_a_plain_count_whatever_minutes_are_told_and_wherever_it_starts_anew(
    drawn: list[tuple[str, int, str | None, int]], some: list[int], restart: int
) -> None:
    events = built(drawn)
    fold = ZoneMinutes()
    order: InOrder[ClosedMinutes] = InOrder(fold)
    order.add([*events, *(MinuteEnded(NOON + minute * MINUTE) for minute in {*some, 90})])
    answers = order.advance(NOON + restart * MINUTE)
    again = ZoneMinutes()
    again.state = pickle.loads(pickle.dumps(fold.state))
    rest: InOrder[ClosedMinutes] = InOrder(again)
    rest.add(order.waiting())
    found = sums([*answers, *rest.advance(NOON + 91 * MINUTE)])
    idle: Counter[int] = Counter()
    for minute in range(1, 91):
        end = minute * MINUTE_MS
        of_minute = found.get(end, {})
        inside = [event for event in events if end - MINUTE_MS <= event.time - NOON < end]
        starts = Counter(event.zone_id for event in inside if not isinstance(event, Ended))
        ends = Counter(event.end_zone_id for event in inside if isinstance(event, Ended))
        assert {zone: counted.starts for zone, counted in of_minute.items() if counted.starts} == starts
        assert {zone: counted.ends for zone, counted in of_minute.items() if counted.ends} == ends
        idle.update({zone: counted.idle for zone, counted in of_minute.items()})
        assert +idle == idle_at(events, NOON + end), minute
        assert min(idle.values(), default=0) >= 0
    assert is_empty(again.state)
