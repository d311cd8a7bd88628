"""The sending loop with a producer that records and a clock that moves when someone sleeps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.encode.batch import BatchEncoder
from hailstream.replay.batch import Preparer
from hailstream.replay.future import FutureRule
from hailstream.replay.heartbeats import HeartbeatPlan
from hailstream.replay.pacing import Pacing
from hailstream.replay.partitioner import partitions_of
from hailstream.replay.resume import Digest
from hailstream.replay.session import Position, Session
from hailstream.schemas import load_schema
from hailstream.topics import EVENT_TOPICS
from tests.unit.replay_sending.events import START_MS, FakeTime, MemorySource, RecordingProducer, event

NAMES = {topic: topic.name("t") for topic in EVENT_TOPICS}
ENCODERS = {topic: BatchEncoder(load_schema(topic), 1) for topic in EVENT_TOPICS}
PARTITIONS = 4


@dataclass
class Played:
    producer: RecordingProducer
    position: Position
    digest: str
    complete: bool
    refused: list[str] = field(default_factory=list)


def play(
    source: MemorySource,
    *,
    speed: float | None = None,
    stop_after: int | None = None,
    since: Position | None = None,
    in_log: dict[tuple[str, int], deque[str]] | None = None,
) -> Played:
    time = FakeTime()
    clock = time.clock()
    producer = RecordingProducer(time, stop_after)
    pacing = Pacing(speed, clock)
    future = FutureRule(clock, pacing)
    position = since or Position()
    heartbeats = HeartbeatPlan(60_000, position.reached)
    digest = Digest()
    refused: list[str] = []
    session = Session(
        producer,  # type: ignore[arg-type]
        Preparer(ENCODERS, NAMES, dict.fromkeys(NAMES.values(), PARTITIONS), future, heartbeats),
        heartbeats,
        pacing,
        future,
        clock,
        position=position,
        digest=digest,
        in_log=in_log or {},
        stopped=producer.stopped,
        tick=lambda: None,
        keep_refused=lambda rows: refused.extend(rows["trip_id"].to_list()),
    )
    frames = list(source.batches())
    if position.next_event:
        rows: pl.DataFrame = pl.concat(frames)
        digest.update(rows.head(position.next_event))
        frames = [rows.slice(position.next_event)]
    complete = session.send(frames)
    return Played(producer, position, session.digest(), complete, refused)


def ride_events(count: int, step: int = 7_000) -> list[dict[str, Any]]:
    return [event(n, n * step, source=None if n % 11 == 5 else "test") for n in range(count)]


def test_as_fast_as_can_be_nothing_sleeps() -> None:
    played = play(MemorySource(ride_events(100), batch=17))
    assert played.complete
    assert played.producer.time.slept == []
    assert played.position.next_event == 100


def test_a_paced_replay_sends_each_event_when_it_is_due_and_not_before() -> None:
    producer = play(MemorySource(ride_events(40)), speed=10).producer
    for (key, time), at in zip(producer.log, producer.at, strict=True):
        due = (time - START_MS) / 1000 / 10
        assert at >= due - 1e-9, key
        assert at - due < 0.06, key


def test_in_file_order_late_events_go_at_once() -> None:
    rows = [event(0, 0), event(2, 60_000), event(4, 1_000), event(6, 120_000)]
    producer = play(MemorySource(rows), speed=60).producer
    sent = {key: at for (key, _), at in zip(producer.log, producer.at, strict=True) if key}
    assert sent["trip-000004"] - sent["trip-000002"] < 0.06
    assert sent["trip-000006"] >= 2.0


def test_heartbeats_go_on_while_no_event_is_due() -> None:
    source = MemorySource([event(0, 0), event(2, 600_000)])
    beats = [time for key, time in play(source, speed=100).producer.log if key is None]
    assert beats == [START_MS + minute * 60_000 for minute in range(1, 11)]


def test_every_event_meets_the_same_watermark_at_any_speed() -> None:
    source = MemorySource(ride_events(80, step=31_000), batch=9)

    def met(speed: float | None) -> list[tuple[str | None, int]]:
        newest, found = 0, []
        for key, time in play(source, speed=speed).producer.log:
            if key is not None:
                found.append((key, newest))
            newest = max(newest, time)
        return found

    assert met(None) == met(1000) == met(60)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 60),
    st.lists(st.integers(0, 70), min_size=1, max_size=4),
    st.integers(4, 30),
    st.integers(500, 40_000),
)
def test_stopped_anywhere_and_resumed_the_log_is_that_of_one_run(
    count: int, stops: list[int], batch: int, step: int
) -> None:
    source = MemorySource(ride_events(count, step), batch=batch)
    whole = play(source)
    log: list[tuple[str | None, int]] = []
    refused: list[str] = []
    position = Position()
    for stop in [*stops, None]:
        part = play(source, stop_after=stop, since=position)
        log += part.producer.log
        refused += part.refused
        position = part.position
    assert part.complete
    assert (log, refused) == (whole.producer.log, whole.refused)
    assert (part.digest, position.next_event) == (whole.digest, count)
    assert position.refused == whole.position.refused


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 60), st.data())
def test_what_the_log_holds_already_is_not_sent_again(count: int, data: st.DataObject) -> None:
    source = MemorySource(ride_events(count), batch=8)
    whole = [key for key, _ in play(source).producer.log if key is not None]
    places: dict[tuple[str, int], list[str]] = {}
    for key, partition in zip(whole, partitions_of(pl.Series(whole, dtype=pl.String), PARTITIONS), strict=True):
        topic = NAMES[EVENT_TOPICS[int(key[-6:]) % 2]]
        places.setdefault((topic, int(partition)), []).append(key)
    # A killed replay leaves of each partition some beginning of what was to come.
    lengths = {place: data.draw(st.integers(0, len(keys))) for place, keys in places.items()}
    kept = {place: keys[: lengths[place]] for place, keys in places.items() if lengths[place]}
    found = [key for keys in kept.values() for key in keys]
    # A broker that crashed may have taken some of it twice.
    in_log = {place: deque(keys + keys[data.draw(st.integers(0, len(keys))) :]) for place, keys in kept.items()}
    played = play(source, in_log=in_log)
    sent = [key for key, _ in played.producer.log if key is not None]
    assert sorted(sent + found) == sorted(whole)
    assert sent == [key for key in whole if key in set(sent)]
    assert sum(played.position.found.values()) == len(found)
