"""Result rows and messages for the loader's tests."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import fastavro
import polars as pl

from hailstream.loader.batching import Message, TopicMessages
from hailstream.loader.contract import Rows, TopicState
from hailstream.loader.decode import decode
from hailstream.loader.writers import Writer
from hailstream.schemas import frame, load_schema
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS, Topic

DAY = datetime(2013, 1, 1, tzinfo=UTC)


def counts(zone: int = 1, minute: int = 0, trips: int = 3, **fields: Any) -> dict[str, Any]:
    """A row of zone.counts.v1 whose window ends ``minute`` minutes after 2013-01-01 00:05 UTC."""
    start = DAY + timedelta(minutes=minute)
    return {
        "zone_id": zone,
        "window_start": start,
        "window_end": start + timedelta(minutes=5),
        "trips": trips,
        "passengers": 2 * trips,
        "known_passengers": trips,
        "drivers": trips,
        "duplicates": 0,
        "generation": 1,
    } | fields


def revenue(zone: int = 1, minute: int = 0, fares: Sequence[str] = ("10.00", "12.50"), **fields: Any) -> dict[str, Any]:
    """A row of zone.revenue.v1 made of these fares."""
    start = DAY + timedelta(minutes=minute)
    amounts = [Decimal(fare) for fare in fares]
    return {
        "zone_id": zone,
        "window_start": start,
        "window_end": start + timedelta(minutes=10),
        "rows": len(amounts),
        "total_sum": sum(amounts, Decimal("0.00")),
        "trips": len(amounts),
        "fare_sum": sum(amounts, Decimal("0.00")),
        "fare_sq": sum((a * a for a in amounts), Decimal("0.0000")),
        "tip_sum": Decimal("1.00") * len(amounts),
        "toll_sum": Decimal("0.00"),
        "excluded": 0,
        "duplicates": 0,
        "generation": 1,
    } | fields


def encode(topic: Topic, row: dict[str, Any]) -> bytes:
    """The Avro body of a row."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, load_schema(topic).parsed, row)
    return body.getvalue()


def message(topic: Topic, row: dict[str, Any], schema_id: int = 1) -> bytes:
    """A row as it stands in Kafka."""
    return frame(schema_id, encode(topic, row))


def gather(messages: Iterable[Message]) -> TopicMessages:
    held = TopicMessages()
    for one in messages:
        held.add(one)
    return held


def rows_of(
    settings: Settings,
    rows: Iterable[dict[str, Any]],
    *,
    first_offset: int = 0,
    partition: int = 0,
    topic: Topic = ZONE_COUNTS,
    state: TopicState | None = None,
    appended: int = 0,
) -> Rows:
    """Decoded rows of one partition, at offsets that follow each other, all appended at one time (ms)."""
    name = topic.name(settings.namespace)
    held = gather(
        Message(name, partition, first_offset + n, appended, message(topic, row)) for n, row in enumerate(rows)
    )
    decoded, refused = decode(topic, held, {1: Writer.of(load_schema(topic).definition)}.get)
    assert not refused
    return Rows(topic, name, state or TopicState("first", 0), decoded, held.ranges())


def as_rows(decoded: pl.DataFrame, names: Sequence[str]) -> list[dict[str, Any]]:
    return decoded.select(names).to_dicts()
