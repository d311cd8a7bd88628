"""How far a consumer group has come, by what it has committed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from hailstream.settings import Settings

SECONDS = 20.0


def committed(settings: Settings, group: str) -> Callable[[], int]:
    """Asks for the number of records that the group has committed, all partitions together.

    A Flink job commits what a checkpoint covers once it is complete: every
    record before those offsets has gone through the whole graph.
    """
    client = AdminClient({**settings.kafka_config(), "log_level": 0})
    request = [ConsumerGroupTopicPartitions(group)]

    def ask() -> int:
        try:
            answer = client.list_consumer_group_offsets(request, request_timeout=SECONDS)[group].result()
        except KafkaException:
            return 0  # no such group yet
        return sum(max(partition.offset, 0) for partition in answer.topic_partitions)

    return ask


def forget(settings: Settings, group: str) -> None:
    """Delete the group and what it committed; nothing when there is none."""
    client = AdminClient({**settings.kafka_config(), "log_level": 0})
    with suppress(KafkaException):
        client.delete_consumer_groups([group], request_timeout=SECONDS)[group].result()
