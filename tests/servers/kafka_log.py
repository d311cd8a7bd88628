"""What Kafka's topics hold."""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from hailstream.replay.broker import LogReader
from hailstream.settings import Settings


@dataclass(frozen=True)
class Record:
    """A record; a heartbeat has neither key nor value."""

    key: str | None
    time: int
    value: bytes | None

    @property
    def is_heartbeat(self) -> bool:
        return self.value is None


def read_log(settings: Settings, *topics: str) -> dict[tuple[str, int], list[Record]]:
    """Every record of the topics, by topic and partition, in order."""
    ends = LogReader(settings).ends(LogReader(settings).partitions(topics))
    log: dict[tuple[str, int], list[Record]] = {(t, p): [] for t, by in ends.items() for p in by}
    consumer = Consumer(settings.kafka_config() | {"group.id": "unused", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in log])
        missing = sum(end for by in ends.values() for end in by.values())
        while missing:
            batch = consumer.consume(min(missing, 10_000), timeout=10)
            assert batch, f"{missing} records did not come"
            for message in batch:
                assert message.error() is None, message.error()
                key = message.key()
                record = Record(key and key.decode(), message.timestamp()[1], message.value())
                log[message.topic(), message.partition()].append(record)
            missing -= len(batch)
    finally:
        consumer.close()
    return log


def events_only(log: dict[tuple[str, int], list[Record]]) -> dict[tuple[str, int], list[Record]]:
    """The log without heartbeats."""
    return {place: [r for r in records if not r.is_heartbeat] for place, records in log.items()}
