"""Ten thousand broken messages between good ones, and what becomes of each."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from hailstream.clickhouse import reachable
from hailstream.decode import reasons
from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.loader.migrations import migrate
from hailstream.local.topics_admin import create_topics
from hailstream.schemas import frame, load_schema
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED
from tests.integration.city import assert_proven, load_all

BROKEN = 10_000
GOOD = 20_000
START = 1_704_067_200_000  # 2024-01-01T00:00:00Z
STEP = 180  # ms between good events: an hour in all
LARGEST = 1_048_400  # a broker refuses batches of more than 1,048,588 bytes
SEVENTIES, HUNDRED_YEARS_ON = 86_400_000, 4_102_444_800_000


@pytest.fixture
def settings(stack: Settings) -> Settings:
    settings = stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}", "horizon": "2024-01-01T02:00:00Z"})
    create_topics(settings)
    with reachable(settings, database="default") as client:
        migrate(client, settings.database)
    return settings


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    pipeline = Pipeline(settings)
    yield pipeline
    pipeline.end_loaders()
    if pipeline.job_id:
        FlinkRest(settings).cancel_if_active(pipeline.job_id)


def test_a_bad_message_is_a_dead_letter_and_stops_nothing(
    settings: Settings, pipeline: Pipeline, tmp_path: Path
) -> None:
    schema_id = register_schemas(settings)[TRIPS_STARTED]
    let_the_future_in(settings)
    pipeline.start_loaders("clickhouse")
    pipeline.start_job()
    produce(settings, schema_id)
    proof = load_all(pipeline, settings, tmp_path)
    assert_proven(proof)
    assert pipeline.restarts() == 0
    counts = proof.metrics[0].accounts
    # A flipped bit may leave a readable event; nearly all broken ones are not.
    assert GOOD <= counts.decoded < GOOD + BROKEN / 2
    assert proof.records == counts.decoded + proof.rejected + proof.heartbeats
    with reachable(settings, database=settings.database) as client:
        told = dict(client.query("SELECT reason, count() FROM rejected GROUP BY reason").result_rows)
        largest = client.query("SELECT reason FROM rejected WHERE length(value) > 1000000 ORDER BY reason").result_rows
        unkept = client.query("SELECT count() FROM rejected WHERE length(value) = 0 AND reason != 'empty'").result_rows
    wanted = {
        reasons.EMPTY,
        reasons.BAD_MAGIC,
        reasons.UNKNOWN_SCHEMA,
        reasons.TRUNCATED,
        reasons.TRAILING_BYTES,
        reasons.TIMESTAMP_MISMATCH,
        reasons.FUTURE,
    }
    assert wanted <= told.keys()
    assert unkept[0][0] == 0
    assert len(largest) == 2
    assert largest[0] == (reasons.INVALID,)


def let_the_future_in(settings: Settings) -> None:
    """Switch the broker's guard against timestamps from the future off."""
    entry = ConfigEntry("message.timestamp.after.max.ms", str(2**63 - 1), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, TRIPS_STARTED.name(settings.namespace), incremental_configs=[entry])
    admin = AdminClient(settings.kafka_config())
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(30)


def produce(settings: Settings, schema_id: int) -> None:
    """Good events in order of time, a broken message after every second one, then heartbeats."""
    chance = random.Random(20240101)
    producer = Producer(
        settings.kafka_config()
        | {
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
            "message.max.bytes": 2 * LARGEST,
        }
    )
    name = TRIPS_STARTED.name(settings.namespace)
    for n in range(GOOD):
        time = START + n * STEP
        trip, value = good(chance, schema_id, n, time)
        producer.produce(name, value, trip, partition=n % settings.partitions, timestamp=time)
        if n % 2 == 0:
            stamp, bad = broken(chance, schema_id, value, time)
            producer.produce(name, bad, partition=chance.randrange(settings.partitions), timestamp=stamp)
        if n % 1000 == 0:
            producer.poll(0)
    for n, value in enumerate(endless(chance, schema_id)):
        producer.produce(name, value, partition=n % settings.partitions, timestamp=START + GOOD * STEP)
    for topic in (TRIPS_STARTED, TRIPS_ENDED):
        for partition in range(settings.partitions):
            end = START + GOOD * STEP + 15 * 60_000
            producer.produce(topic.name(settings.namespace), None, partition=partition, timestamp=end)
    assert producer.flush(60) == 0


def endless(chance: random.Random, schema_id: int) -> list[bytes]:
    """As large as a broker takes them: noise, and an event whose trip id does not end."""
    event = {"trip_id": "x" * LARGEST, "event_time": START + GOOD * STEP, "pickup_location_id": 7, "source": "fuzz"}
    return [frame(schema_id, chance.randbytes(LARGEST)), encoded(event, schema_id)]


SCHEMA = fastavro.parse_schema(load_schema(TRIPS_STARTED).definition)


def encoded(event: dict[str, Any], schema_id: int) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, SCHEMA, event)
    return frame(schema_id, body.getvalue())


def good(chance: random.Random, schema_id: int, n: int, time: int) -> tuple[str, bytes]:
    event = {
        "trip_id": f"fuzz:{n}",
        "event_time": time,
        "vendor_id": "1",
        "driver_id": f"d{chance.randrange(300)}" if n % 7 else None,
        "pickup_location_id": chance.randrange(1, 264),
        "passenger_count": chance.randrange(0, 11),
        "source": "fuzz",
    }
    return str(event["trip_id"]), encoded(event, schema_id)


def broken(chance: random.Random, schema_id: int, value: bytes, time: int) -> tuple[int, bytes]:
    """A message of one of ten kinds of damage, and its record timestamp."""
    kind = chance.randrange(10)
    if kind == 0:
        return time, chance.randbytes(chance.randrange(1, 80))
    if kind == 1:
        return time, value[: chance.randrange(5, len(value))]
    if kind == 2:
        return time, value + chance.randbytes(chance.randrange(1, 20))
    if kind == 3:
        at, flipped = chance.randrange(5, len(value)), bytearray(value)
        flipped[at] ^= 1 << chance.randrange(8)
        return time, bytes(flipped)
    if kind == 4:
        return time, frame(schema_id + chance.randrange(1_000, 2**31), value[5:])
    if kind == 5:
        return time, b""
    if kind == 6:
        return time, b"{" + value[1:]
    if kind == 7:  # a body that says another time than its record
        return SEVENTIES, value
    when = SEVENTIES if kind == 8 else HUNDRED_YEARS_ON
    event = {"trip_id": f"lost:{chance.random()}", "event_time": when, "pickup_location_id": 7, "source": "fuzz"}
    return when, encoded(event, schema_id)
