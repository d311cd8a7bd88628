from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hailstream.replay.heartbeats import HeartbeatPlan, final_time

MINUTE = 60_000


def planned(times: list[int], cuts: list[int], every: int = MINUTE) -> list[tuple[int, int]]:
    """(number of the event it precedes, timestamp) of each heartbeat, with the events cut into batches."""
    plan = HeartbeatPlan(every)
    edges = sorted({0, len(times), *(cut % (len(times) + 1) for cut in cuts)})
    found = []
    for start, end in pairwise(edges):
        _, beats = plan.advance(np.array(times[start:end], np.int64))
        found += [(start + beat.before, beat.time) for beat in beats]
    return found


def test_a_heartbeat_precedes_the_first_event_of_each_new_minute() -> None:
    times = [10_000, 59_999, 60_000, 60_001, 200_000]
    assert planned(times, []) == [(2, 60_000), (4, 180_000)]


def test_there_is_none_before_the_first_event_and_none_for_events_that_are_late() -> None:
    assert planned([600_000, 30_000, 600_001], []) == []


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=60), st.lists(st.integers(0, 60)))
def test_heartbeats_do_not_depend_on_how_events_are_cut_into_batches(times: list[int], cuts: list[int]) -> None:
    assert planned(times, cuts) == planned(times, [])


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=60), st.integers(1, 200_000))
def test_no_heartbeat_is_ahead_of_the_event_it_precedes_or_behind_the_last(times: list[int], every: int) -> None:
    beats = planned(times, [], every)
    for before, time in beats:
        assert time <= times[before]
        assert max(times[:before]) < time
    stamps = [time for _, time in beats]
    assert stamps == sorted(set(stamps))


def test_while_nothing_is_due_a_heartbeat_follows_the_pacing() -> None:
    plan = HeartbeatPlan(MINUTE)
    assert plan.idle(None, 10 * MINUTE) is None
    assert plan.idle(30_000, 59_999) is None
    assert plan.idle(30_000, 125_000) == 120_000
    assert plan.idle(120_000, 125_000) is None


def test_the_last_heartbeats_close_the_windows_of_history() -> None:
    assert final_time(last_event=1_000_000, tail=900_000, limit=10**9) == 1_900_000


def test_the_last_heartbeats_of_live_data_stay_within_a_minute_from_now() -> None:
    assert final_time(last_event=1_000_000, tail=900_000, limit=1_060_000) == 1_060_000
    assert final_time(last_event=1_000_000, tail=900_000, limit=990_000) == 1_000_000
