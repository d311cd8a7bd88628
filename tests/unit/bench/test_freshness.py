"""From the record that closes a window to the value in Redis."""

from __future__ import annotations

import pytest

from bench.freshness import WARM_UP, ages_ms, closings
from bench.paced import Boundaries
from bench.redis_writes import writes
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import TRIPS_STARTED

MINUTE = 60_000
START = 28_401_120 * MINUTE


def test_a_minute_is_closed_by_the_first_record_that_lets_the_watermark_pass_its_last_millisecond() -> None:
    boundaries = Boundaries(disorder=5_000)
    end = START + MINUTE
    assert boundaries.closes("t", 0, START + 5_000) is None  # the partition's first: what it closes nobody waits for
    assert boundaries.closes("t", 0, end + 4_998) is None
    assert boundaries.closes("t", 0, end + 4_999) == end
    assert boundaries.closes("t", 0, end + 5_000) is None
    assert boundaries.closes("t", 0, START) is None


def test_partitions_and_topics_close_minutes_for_themselves() -> None:
    boundaries = Boundaries(disorder=0)
    for place in (("t", 0), ("t", 1), ("u", 0)):
        assert boundaries.closes(*place, START) is None
    assert [boundaries.closes(*place, START + MINUTE) for place in (("t", 0), ("t", 1), ("u", 0))] == [
        START + MINUTE
    ] * 3


def test_a_window_waits_for_its_last_partition_and_one_that_not_all_have_closed_is_left_out() -> None:
    settings = Settings(_env_file=None, namespace="bench", partitions=2)
    told = {TRIPS_STARTED.name("bench"): {"60000": {"0": 10.0, "1": 12.5}, "120000": {"0": 20.0}}}
    assert closings(told, settings) == {"counts": {60_000: 12.5}, "revenue": {}}


def test_redis_monitor_lines_tell_zone_window_and_moment() -> None:
    end = START + MINUTE
    ranks = [f"{end + 2**62:019d}{version:020d}" for version in (2**48 + 7, 2**48 + 8)]
    line = (
        '+1700000000.250000 [0 127.0.0.1:5] "EVALSHA" "abc" "3" "loader:positions" "1" "zone.counts.v1 0" "x 1" "300" '
        f'"counts 138" "{ranks[0]}" "2" "12" "9" "counts 7" "{ranks[1]}" "2" "3" "3"'
    ).encode()
    assert list(writes(line)) == [(("counts", 138, end), 1_700_000_000.25), (("counts", 7, end), 1_700_000_000.25)]


def test_other_commands_are_no_writes_of_values() -> None:
    rank = f"{START + 2**62:019d}{1:020d}"
    for line in (
        b"+OK",
        f'+1700000000.250000 [0 lua] "HSET" "loader:ranks" "counts 138" "{rank}"'.encode(),
        b'+1700000000.250000 [0 127.0.0.1:5] "GET" "realtime:138:trip_count"',
    ):
        assert list(writes(line)) == []


def test_ages_leave_the_warm_up_out_and_know_each_metric_by_its_own_topic() -> None:
    first, later = START, START + WARM_UP * MINUTE
    closed = {"counts": {first: 100.0, later: 200.0}, "revenue": {later: 201.0}}
    written = {
        ("counts", 1, first): 109.0,
        ("counts", 1, later): 200.04,
        ("revenue", 1, later): 201.09,
        ("revenue", 1, later + MINUTE): 300.0,
    }
    assert ages_ms(closed, written) == pytest.approx([40, 90])


def test_no_values_at_all_are_an_error_not_a_perfect_score() -> None:
    with pytest.raises(HailstreamError, match="no value reached Redis"):
        ages_ms({"counts": {START: 1.0}}, {})
