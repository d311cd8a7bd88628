"""What every sink promises, on the real servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import redis

from hailstream.clickhouse import reachable
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.loader.contract import Sink, SinkAway, TopicState
from hailstream.loader.redis_now import RedisNowSink
from hailstream.loader.redis_series import RedisSeriesSink
from hailstream.local.apart import free_ports
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS
from tests.contract.loader.results import counts, rows_of

Shown = dict[int, int]


@dataclass(frozen=True)
class Case:
    """A sink, and the trips it shows for zone 1 by minute; one that shows only the newest has one minute."""

    make: Callable[[Settings], Sink]
    shown: Callable[[Settings], Shown]
    keeps_history: bool


def _in_clickhouse(settings: Settings) -> Shown:
    with reachable(settings, database=settings.database) as client:
        rows = client.query(
            "SELECT toUnixTimestamp(window_start), trips FROM zone_counts WHERE zone_id = 1"
        ).result_rows
    minutes = [(seconds - 1356998400) // 60 for seconds, _ in rows]
    assert len(minutes) == len(set(minutes)), "a window is shown twice"
    return dict(zip(minutes, (trips for _, trips in rows), strict=True))


def _in_now(settings: Settings) -> Shown:
    with redis.Redis.from_url(settings.redis_address, decode_responses=True) as client:
        value = client.get(f"{settings.redis_prefix}realtime:1:trip_count")
    return {-1: int(value)} if value is not None else {}


def _in_series(settings: Settings) -> Shown:
    with redis.Redis.from_url(settings.redis_address, decode_responses=True) as client:
        members = client.zrange(f"{settings.redis_prefix}trip_series:1", 0, -1)
    ends = [int(member.split(":")[0]) for member in members]
    assert len(ends) == len(set(ends)), "a window is in the series twice"
    return {(end // 1000 - 1356998400) // 60 - 5: int(m.split(":")[1]) for end, m in zip(ends, members, strict=True)}


CASES = {
    "clickhouse": Case(ClickHouseSink, _in_clickhouse, keeps_history=True),
    "redis_now": Case(RedisNowSink, _in_now, keeps_history=False),
    "redis_series": Case(RedisSeriesSink, _in_series, keeps_history=True),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def _opened(case: Case, settings: Settings, topic_id: str = "first") -> tuple[Sink, TopicState]:
    sink = case.make(settings)
    name = ZONE_COUNTS.name(settings.namespace)
    return sink, TopicState(topic_id, sink.open({name: topic_id}).epochs[name])


def _expected(case: Case, history: Shown) -> Shown:
    return history if case.keeps_history else {-1: history[max(history)]}


def test_rows_that_were_written_are_shown(case: Case, settings: Settings) -> None:
    sink, state = _opened(case, settings)
    assert sink.write(rows_of(settings, [counts(minute=m, trips=m + 1) for m in range(5)], state=state)) == []
    assert case.shown(settings) == _expected(case, {m: m + 1 for m in range(5)})


def test_a_restarted_loader_that_cuts_its_batches_otherwise_changes_nothing(case: Case, settings: Settings) -> None:
    rows = [counts(minute=m, trips=m + 1) for m in range(10)]
    sink, state = _opened(case, settings)
    sink.write(rows_of(settings, rows, state=state))
    for start, end in ((0, 10), (0, 4), (2, 7), (6, 10)):
        again, state = _opened(case, settings)
        again.write(rows_of(settings, rows[start:end], first_offset=start, state=state))
        assert case.shown(settings) == _expected(case, {m: m + 1 for m in range(10)})


def test_a_later_message_of_the_same_window_replaces_the_earlier_one(case: Case, settings: Settings) -> None:
    sink, state = _opened(case, settings)
    sink.write(rows_of(settings, [counts(trips=5), counts(trips=6)], state=state))
    sink.write(rows_of(settings, [counts(trips=4)], first_offset=2, state=state))
    assert case.shown(settings) == _expected(case, {0: 4})


def test_an_older_message_never_replaces_a_newer_one(case: Case, settings: Settings) -> None:
    sink, state = _opened(case, settings)
    sink.write(rows_of(settings, [counts(minute=3, trips=7)], first_offset=9, state=state))
    again, state = _opened(case, settings)
    again.write(rows_of(settings, [counts(minute=3, trips=1)], first_offset=8, state=state))
    assert case.shown(settings) == _expected(case, {3: 7})


def test_a_new_generation_outranks_the_old_one_at_any_offset(case: Case, settings: Settings) -> None:
    sink, state = _opened(case, settings)
    sink.write(rows_of(settings, [counts(trips=2, generation=2)], first_offset=1, state=state))
    sink.write(rows_of(settings, [counts(trips=1, generation=1)], first_offset=2, state=state))
    assert case.shown(settings) == _expected(case, {0: 2})


def test_a_topic_that_was_made_anew_outranks_the_old_one_though_its_offsets_start_again(
    case: Case, settings: Settings
) -> None:
    sink, state = _opened(case, settings)
    sink.write(rows_of(settings, [counts(trips=1)], first_offset=5000, state=state))
    anew, new_state = _opened(case, settings, topic_id="second")
    assert (state.epoch, new_state.epoch) == (0, 1)
    anew.write(rows_of(settings, [counts(trips=2)], first_offset=0, state=new_state))
    assert case.shown(settings) == _expected(case, {0: 2})


def test_a_zone_with_nothing_in_its_newest_window_shows_0(case: Case, settings: Settings) -> None:
    sink, state = _opened(case, settings)
    sink.write(rows_of(settings, [counts(trips=9), counts(minute=1, trips=0)], state=state))
    assert case.shown(settings) == _expected(case, {0: 9, 1: 0})


def test_a_server_that_is_away_is_no_reason_to_refuse_rows(case: Case, settings: Settings) -> None:
    port = free_ports(1)[0]
    nowhere = settings.model_copy(update={"clickhouse_port": port, "redis_port": port})
    with pytest.raises(SinkAway, match="cannot"):
        case.make(nowhere).open({"any": "id"})
