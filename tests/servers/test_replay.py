"""Replays into a real broker, read back record by record."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from hailstream.errors import HailstreamError
from hailstream.local.topics_admin import create_topics, delete_topics
from hailstream.replay.options import ReplayOptions
from hailstream.replay.run import run_replay
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED
from tests.servers.kafka_log import events_only, read_log
from tests.servers.replaying import body, event_log, ride_events
from tests.unit.replay_sending.events import START_MS, MemorySource, event


def test_every_record_has_its_key_its_partition_and_its_event_time(namespace: Settings) -> None:
    report = run_replay(namespace, MemorySource(ride_events(500)))
    assert report.balanced
    log = event_log(namespace)
    for topic in (TRIPS_STARTED, TRIPS_ENDED):
        name = topic.name(namespace.namespace)
        records = [r for (t, _), by in events_only(log).items() for r in by if t == name]
        assert len(records) == report.sent[name] == 250
        for record in records:
            row = body(topic, record)
            assert (row["trip_id"], int(row["event_time"].timestamp() * 1000)) == (record.key, record.time)
        for place, by in log.items():
            assert [r.time for r in by] == sorted(r.time for r in by), place


def test_keys_are_where_kafkas_default_partitioner_puts_them(namespace: Settings) -> None:
    run_replay(namespace, MemorySource(ride_events(300)))
    ours = {place: [r.key for r in by] for place, by in events_only(event_log(namespace)).items()}
    producer = Producer(namespace.kafka_config() | {"partitioner": "murmur2_random"})
    scratch = namespace.model_copy(update={"namespace": f"{namespace.namespace}x"})
    name = TRIPS_STARTED.name(scratch.namespace)
    create_topics(scratch)
    try:
        for row in ride_events(300):
            if not row["is_end"]:
                producer.produce(name, b"x", row["trip_id"])
        assert producer.flush(30) == 0
        theirs = {p: [r.key for r in by] for (_, p), by in read_log(scratch, name).items()}
    finally:
        delete_topics(scratch)
    assert {p: keys for (t, p), keys in ours.items() if t == TRIPS_STARTED.name(namespace.namespace)} == theirs


def test_every_partition_of_both_topics_hears_every_heartbeat_and_the_last_closes_the_windows(
    namespace: Settings,
) -> None:
    report = run_replay(namespace, MemorySource([event(0, 0), event(2, 150_000), event(4, 151_000)]))
    log = event_log(namespace)
    assert len(log) == 2 * namespace.partitions
    for place, records in log.items():
        beats = [r for r in records if r.is_heartbeat]
        assert [r.key for r in beats] == [None, None], place
        assert [r.time - START_MS for r in beats] == [120_000, 151_000 + 15 * 60_000], place
    assert report.heartbeats == 2 * len(log)


def test_without_a_final_heartbeat_the_next_file_goes_on_where_this_one_ends(namespace: Settings) -> None:
    open_end = ReplayOptions(final_heartbeat=False)
    run_replay(namespace, MemorySource(ride_events(10)), open_end)
    following = MemorySource([event(n, 60_000 + n) for n in range(10, 20)])
    assert run_replay(namespace, following, open_end).balanced


def test_a_source_that_begins_before_the_topics_end_is_refused_and_nothing_is_sent(namespace: Settings) -> None:
    run_replay(namespace, MemorySource(ride_events(50)))
    before = event_log(namespace)
    with pytest.raises(HailstreamError, match=r"already reaches .* begins at 2013-01-01T00:00:00Z"):
        run_replay(namespace, MemorySource(ride_events(50)))
    assert event_log(namespace) == before
    report = run_replay(namespace, MemorySource(ride_events(50)), ReplayOptions(allow_late=True))
    assert report.balanced
    assert sum(map(len, events_only(event_log(namespace)).values())) == 100


def test_events_of_the_future_are_never_sent_and_each_is_written_down(namespace: Settings) -> None:
    now = datetime.now(UTC)
    late = [now + timedelta(seconds=90), datetime(2100, 1, 1, tzinfo=UTC)]
    rows = [*ride_events(20), *(event(100 + 2 * n, 0, event_time=time) for n, time in enumerate(late))]
    report = run_replay(namespace, MemorySource(rows))
    assert (report.balanced, dict(report.refused)) == (True, {"future": 2})
    assert report.refused_file is not None
    written = [json.loads(line) for line in report.refused_file.read_text().splitlines()]
    assert [(row["trip_id"], row["reason"]) for row in written] == [
        ("trip-000100", "future"),
        ("trip-000102", "future"),
    ]
    limit = START_MS + 40_000 + 15 * 60_000
    assert all(r.time <= limit for records in event_log(namespace).values() for r in records)


def test_live_data_is_closed_no_further_than_a_minute_from_now(namespace: Settings) -> None:
    now = datetime.now(UTC)
    run_replay(namespace, MemorySource([event(0, 0, event_time=now)]))
    latest = max(r.time for records in event_log(namespace).values() for r in records)
    assert latest <= (datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1000


def test_raw_bytes_are_sent_as_they_are(namespace: Settings) -> None:
    rows = [event(0, 0), event(2, 1_000, raw=b"\x00\xffno avro"), event(4, 2_000, raw=b"")]
    run_replay(namespace, MemorySource(rows))
    values = {r.key: r.value for by in events_only(event_log(namespace)).values() for r in by}
    assert (values["trip-000002"], values["trip-000004"]) == (b"\x00\xffno avro", b"")


def test_a_message_that_the_broker_refuses_fails_the_replay_and_says_why(namespace: Settings) -> None:
    topic = TRIPS_STARTED.name(namespace.namespace)
    small = ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[small])
    admin = AdminClient(namespace.kafka_config())
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    rows = [event(0, 0), event(2, 1_000, raw=os.urandom(5_000))]
    with pytest.raises(HailstreamError, match=r"not taken by Kafka: .*(larger|too large)"):
        run_replay(namespace, MemorySource(rows))
