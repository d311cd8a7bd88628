"""What Kafka's topics hold, as readers see it who take committed messages only."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
from confluent_kafka import Consumer, IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import Topic

_TIMEOUT = 60.0
_BATCH = 20_000
_POLL_SECONDS = 0.5  # a batch that is not full waits so long
_COLUMNS: dict[str, Any] = {"key": pl.Binary, "value": pl.Binary, "time": pl.Int64, "heartbeat": pl.Boolean}


def committed(settings: Settings, topic: Topic) -> Iterator[list[Any]]:
    """Every committed message of a topic up to its end, in batches; nobody writes to it meanwhile.

    Raises:
        HailstreamError: the broker does not give them.
    """
    name = topic.name(settings.namespace)
    consumer = Consumer(
        settings.kafka_config()
        | {
            "group.id": settings.consumer_group("chaos"),
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        unread = set(consumer.list_topics(name, timeout=_TIMEOUT).topics[name].partitions)
        consumer.assign([TopicPartition(name, partition, 0) for partition in unread])
        expiry = time.monotonic() + _TIMEOUT
        while unread:
            polled = consumer.consume(_BATCH, timeout=_POLL_SECONDS)
            if polled:
                expiry = time.monotonic() + _TIMEOUT
            elif time.monotonic() > expiry:
                raise HailstreamError(f"{name}: nothing came for {_TIMEOUT:.0f} s, partitions {sorted(unread)} go on")
            messages = []
            for message in polled:
                if message.error() is None:
                    messages.append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())
                else:
                    raise HailstreamError(f"{name}: {message.error().str()}")
            yield messages
    finally:
        consumer.close()


def messages(settings: Settings, topic: Topic) -> pl.DataFrame:
    """Key (empty for none), value's digest, time (ms) and whether it is a heartbeat, of each committed message."""
    frames = [
        pl.DataFrame(
            [(m.key() or b"", m.value() or b"", m.timestamp()[1], m.value() is None) for m in batch],
            schema=_COLUMNS,
            orient="row",
        ).with_columns(pl.col("value").hash())
        for batch in committed(settings, topic)
    ]
    return pl.concat(frames)


def held_back(settings: Settings, topics: Iterable[Topic]) -> int:
    """Messages of the topics that an open transaction hides from those who read committed ones only."""
    admin = AdminClient(settings.kafka_config() | {"log_level": "0"})
    places = [
        TopicPartition(name, partition)
        for name in (topic.name(settings.namespace) for topic in topics)
        for partition in admin.list_topics(name, timeout=_TIMEOUT).topics[name].partitions
    ]
    ends = []
    for level in (IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED):
        request = dict.fromkeys(places, OffsetSpec.latest())
        answers = admin.list_offsets(request, isolation_level=level, request_timeout=_TIMEOUT)
        ends.append(sum(future.result().offset for future in answers.values()))
    return int(ends[0] - ends[1])
