"""What a replay left in its topics, and events to replay."""

from __future__ import annotations

import io
from typing import Any

import fastavro

from hailstream.schemas import load_schema, unframe
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic
from tests.servers.kafka_log import Record, read_log
from tests.unit.replay_sending.events import event

Log = dict[tuple[str, int], list[Record]]


def event_log(settings: Settings) -> Log:
    return read_log(settings, *(topic.name(settings.namespace) for topic in (TRIPS_STARTED, TRIPS_ENDED)))


def nameless(log: Log, settings: Settings) -> dict[tuple[str, int], list[Record]]:
    """The log with topics named as in the live namespace."""
    return {(topic.removeprefix(f"{settings.namespace}."), p): records for (topic, p), records in log.items()}


def body(topic: Topic, record: Record) -> dict[str, Any]:
    assert record.value is not None
    row = fastavro.schemaless_reader(io.BytesIO(unframe(record.value)[1]), load_schema(topic).parsed, None)
    assert isinstance(row, dict)
    return row


def ride_events(count: int, step: int = 2_000) -> list[dict[str, Any]]:
    return [event(n, n * step) for n in range(count)]
