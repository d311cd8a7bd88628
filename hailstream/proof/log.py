"""The whole event log of a namespace as DuckDB tables.

Read message by message with fastavro, on purpose by another way than the jobs
read it: this is what their answers are held against.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import fastavro
import numpy as np
import polars as pl
from confluent_kafka import Consumer, TopicPartition

from hailstream.domain.zones import zone_of
from hailstream.errors import HailstreamError
from hailstream.schemas import load_schema
from hailstream.schemas_registry import known_writer_schemas
from hailstream.settings import Settings
from hailstream.topics import Topic

_TIMEOUT = 30.0
_BATCH = 50_000
_LONGEST_TEXT = 512

# Integers for times and money: the log as it is written.
_COLUMNS: dict[str, Any] = {
    "partition": pl.Int32,
    "offset": pl.Int64,
    "record_time": pl.Int64,
    "heartbeat": pl.Boolean,
    "readable": pl.Boolean,
    "trip_id": pl.String,
    "event_time": pl.Int64,
    "started_at": pl.Int64,
    "vendor_id": pl.String,
    "driver_id": pl.String,
    "vehicle_id": pl.String,
    "zone_id": pl.Int32,
    "location": pl.Int32,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "end_zone_id": pl.Int32,
    "end_location": pl.Int32,
    "end_latitude": pl.Float64,
    "end_longitude": pl.Float64,
    "passenger_count": pl.Int64,
    "payment_type": pl.Int64,
    "rate_code": pl.Int64,
    "distance": pl.Float64,
    "fare": pl.Int64,
    "tip": pl.Int64,
    "tolls": pl.Int64,
    "total": pl.Int64,
}
_AMOUNTS: tuple[Any, ...] = tuple(f"{name}_amount" for name in ("fare", "tip", "tolls", "total"))
#: The fields of the columns between the place and the amounts; zones are found in a whole batch.
_FIELDS: tuple[Any, ...] = (
    "trip_id",
    "event_time",
    "started_at",
    "vendor_id",
    "driver_id",
    "vehicle_id",
    None,
    "pickup_location_id",
    "pickup_latitude",
    "pickup_longitude",
    None,
    "dropoff_location_id",
    "dropoff_latitude",
    "dropoff_longitude",
    "passenger_count",
    "payment_type",
    "rate_code",
    "trip_distance_miles",
)


def load_log(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    topic: Topic,
    settings: Settings,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Make ``table`` of every record of the topic, unreadable ones and heartbeats too.

    Returns:
        the number of records.

    Raises:
        HailstreamError: the topic is not there, or records are missing from it.
    """
    reader = _Reader(topic, settings)
    connection.execute(f"DROP TABLE IF EXISTS {table}")
    rows = 0
    for batch in _records(topic, settings):
        frame = _zoned(pl.DataFrame([reader.row(message) for message in batch], schema=_COLUMNS, orient="row"))
        connection.register("batch", frame.to_arrow())
        if rows == 0:
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM batch")
        else:
            connection.execute(f"INSERT INTO {table} SELECT * FROM batch")
        connection.unregister("batch")
        rows += len(batch)
        progress(rows)
    if rows == 0:
        raise HailstreamError(f"topic {topic.name(settings.namespace)} is empty", hint="replay something into it first")
    return rows


def _records(topic: Topic, settings: Settings) -> Iterator[list[Any]]:
    """All messages up to the end the topic has now."""
    name = topic.name(settings.namespace)
    consumer = Consumer(
        settings.kafka_config()
        | {"group.id": settings.consumer_group("proof"), "enable.auto.commit": False, "auto.offset.reset": "error"}
    )
    try:
        described = consumer.list_topics(name, timeout=_TIMEOUT).topics[name]
        if described.error is not None:
            raise HailstreamError(f"topic {name}: {described.error.str()}", hint="replay something into it first")
        ends: dict[int, int] = {}
        for partition in described.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=_TIMEOUT)
            if low:
                raise HailstreamError(f"{name} partition {partition} begins at offset {low}: older records are gone")
            ends[partition] = high
        consumer.assign([TopicPartition(name, partition, 0) for partition, end in ends.items() if end])
        left = sum(ends.values())
        while left > 0:
            batch = consumer.consume(min(_BATCH, left), timeout=_TIMEOUT)
            if not batch:
                raise HailstreamError(f"{name}: {left} records did not come within {_TIMEOUT:.0f} s")
            for message in batch:
                if message.error() is not None:
                    raise HailstreamError(f"{name}: {message.error().str()}")
            fresh = [message for message in batch if message.offset() < ends[message.partition()]]
            left -= len(fresh)
            yield fresh
    finally:
        consumer.close()


class _Reader:
    """One message to one row; what fastavro does not read to the end is unreadable."""

    def __init__(self, topic: Topic, settings: Settings) -> None:
        current = load_schema(topic)
        self._reader_schema = _plain(current.definition)
        self._writers = {
            schema_id: fastavro.parse_schema(_plain(json.loads(text)))
            for schema_id, text in known_writer_schemas(topic, settings).items()
        }
        # Resolving a schema against itself would take half of the time.
        self._same = {i for i, writer in self._writers.items() if writer == fastavro.parse_schema(self._reader_schema)}

    def row(self, message: Any) -> tuple[Any, ...]:
        value, record_time = message.value(), message.timestamp()[1]
        place = (message.partition(), message.offset(), record_time, value is None)
        event = None if value is None else self._read(value)
        if event is None or event["event_time"] != record_time or not event["trip_id"] or _endless(event, value):
            return (*place, False, *[None] * (len(_COLUMNS) - 5))
        # What the topic's schema has no field for is null, as what has no value.
        return (*place, True, *map(event.get, _FIELDS), *map(_cents, map(event.get, _AMOUNTS)))

    def _read(self, value: bytes) -> dict[str, Any] | None:
        if len(value) < 5 or value[0] != 0:
            return None
        schema_id = struct.unpack(">I", value[1:5])[0]
        writer = self._writers.get(schema_id)
        if writer is None:
            return None
        stream = io.BytesIO(value[5:])
        try:
            reader = None if schema_id in self._same else self._reader_schema
            event: Any = fastavro.schemaless_reader(stream, writer, reader)
        except Exception:  # whatever a broken message does to the reader
            return None
        return event if stream.tell() == len(value) - 5 else None


def _endless(event: dict[str, Any], message: bytes) -> bool:
    if len(message) <= _LONGEST_TEXT:
        return False
    return any(isinstance(value, str) and len(value.encode()) > _LONGEST_TEXT for value in event.values())


def _plain(schema: Any) -> Any:
    """The schema without logical types: times stay integers, decimals bytes."""
    if isinstance(schema, dict):
        return {key: _plain(part) for key, part in schema.items() if key not in ("logicalType", "precision", "scale")}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema


def _cents(decimal: bytes | None) -> int | None:
    return None if decimal is None else int.from_bytes(decimal, "big", signed=True)


def _zoned(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill zone_id and end_zone_id."""
    return frame.with_columns(zone_of_place(frame, ""), zone_of_place(frame, "end_"))


def zone_of_place(frame: pl.DataFrame, place: str) -> pl.Expr:
    """The given zone, else that of the coordinates (265 for what is no number), else 264."""
    coordinates = [frame[f"{place}{name}"] for name in ("latitude", "longitude")]
    known = np.logical_and(*(column.is_not_null().to_numpy() for column in coordinates))
    found = zone_of(*(column.fill_null(float("nan")).to_numpy() for column in coordinates))
    by_place = np.where(known, found, 264).astype(np.int32)
    location = pl.col(f"{place}location")
    zone = pl.when(location.is_between(1, 265)).then(location).otherwise(pl.Series(by_place))
    return pl.when(pl.col("readable")).then(zone).cast(pl.Int32).alias(f"{place}zone_id")
