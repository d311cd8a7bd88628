from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hailstream.encode.batch import BatchEncoder
from hailstream.replay.batch import LARGEST, Preparer, ReadyBatch
from hailstream.replay.future import FutureRule
from hailstream.replay.heartbeats import HeartbeatPlan
from hailstream.replay.pacing import Pacing
from hailstream.schemas import load_schema
from hailstream.topics import EVENT_TOPICS
from tests.unit.replay_sending.events import NOW_MS, FakeTime, event, frame

NAMES = {topic: topic.name("t") for topic in EVENT_TOPICS}


def ready(rows: list[dict[str, Any]], *, speed: float | None = None, begin: int | None = None) -> ReadyBatch:
    clock = FakeTime().clock()
    pacing = Pacing(speed, clock)
    if begin is not None:
        pacing.begin(begin)
    encoders = {topic: BatchEncoder(load_schema(topic), 1) for topic in EVENT_TOPICS}
    partitions = dict.fromkeys(NAMES.values(), 4)
    return Preparer(encoders, NAMES, partitions, FutureRule(clock, pacing), HeartbeatPlan(60_000)).ready(frame(rows))


def at_now(number: int, seconds: float, **values: Any) -> dict[str, Any]:
    time = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(seconds=seconds)
    return event(number, 0, event_time=time, started_at=time, **values)


def refused(batch: ReadyBatch) -> dict[str, str]:
    return dict(batch.refused.select("trip_id", "reason").iter_rows())


def test_starts_and_ends_go_to_their_topics_in_the_order_of_the_source() -> None:
    batch = ready([event(n, n) for n in (1, 2, 3, 5, 4)])
    assert batch.keys == [f"trip-{n:06d}" for n in (1, 2, 3, 5, 4)]
    assert [topic.split(".")[2] for topic in batch.topics] == ["ended", "started", "ended", "ended", "started"]
    assert batch.refused.height == 0


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"trip_id": None}, "no_trip_id"),
        ({"event_time": None}, "no_event_time"),
        ({"event_time": datetime(1970, 1, 1, tzinfo=UTC)}, "before_1970"),
        ({"event_time": datetime(1969, 12, 31, tzinfo=UTC)}, "before_1970"),
        ({"source": None}, "no_source"),
        ({"is_end": True, "started_at": None}, "no_started_at"),
        ({"is_end": True, "fare_amount": 10**12}, "fare_amount_too_large"),
        ({"vehicle_id": "x" * LARGEST}, "too_large"),
        ({"raw": b"x" * LARGEST}, "too_large"),
        ({"event_time": datetime(2100, 1, 1, tzinfo=UTC)}, "future"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_that_cannot_be_sent_is_refused_alone_with_its_reason(values: dict[str, Any], reason: str) -> None:
    batch = ready([event(2, 1), event(4, 2) | values, event(6, 3)])
    assert batch.refused["reason"].to_list() == [reason]
    assert batch.keys == ["trip-000002", "trip-000006"]
    assert [batch.row_after(sent) for sent in (0, 1, 2)] == [0, 2, 3]


def test_raw_bytes_go_as_they_are_beside_encoded_neighbours() -> None:
    plain = ready([event(2, 1), event(4, 2), event(6, 3)])
    mixed = ready([event(2, 1), event(4, 2, raw=b"\xffgarbage"), event(6, 3)])
    assert mixed.values == [plain.values[0], b"\xffgarbage", plain.values[2]]
    assert mixed.partitions == plain.partitions


def test_raw_bytes_need_no_columns_but_key_and_time() -> None:
    assert ready([event(2, 1, source=None, started_at=None, raw=b"")]).values == [b""]


def test_an_event_of_the_future_moves_no_heartbeat() -> None:
    batch = ready([event(2, 0), event(4, 0, event_time=datetime(2100, 1, 1, tzinfo=UTC)), event(6, 1)])
    assert refused(batch) == {"trip-000004": "future"}
    assert batch.beats == []


def test_the_limit_is_a_minute_past_the_clock() -> None:
    batch = ready([at_now(2, 60), at_now(4, 60.001), at_now(6, -5)])
    assert refused(batch) == {"trip-000004": "future"}


def test_a_paced_replay_takes_events_that_will_be_past_when_they_are_due() -> None:
    rows = [at_now(2, 0), at_now(4, 1_800), at_now(6, 3_000)]
    assert refused(ready(rows, speed=1, begin=NOW_MS)) == {}
    assert refused(ready(rows)) == {"trip-000004": "future", "trip-000006": "future"}


def test_at_sixty_times_the_clock_events_that_run_ahead_of_it_are_refused() -> None:
    rows = [at_now(2, 0), at_now(4, 60), at_now(6, 3_000)]
    assert refused(ready(rows, speed=60, begin=NOW_MS)) == {"trip-000006": "future"}


def test_a_paced_replay_does_not_wait_for_the_year_2100() -> None:
    rows = [at_now(2, 0), event(4, 0, event_time=datetime(2100, 1, 1, tzinfo=UTC)), at_now(6, 120)]
    assert refused(ready(rows, speed=1, begin=NOW_MS)) == {"trip-000004": "future"}
