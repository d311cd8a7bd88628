"""The consumer of a loader: what is held goes on after the partitions have moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from hailstream.loader import source
from hailstream.loader.source import KafkaSource
from hailstream.settings import Settings

TOPIC = "zone.counts.v1"


class Group:
    """A consumer whose rebalances the test makes; as with librdkafka, a paused partition stays so when it moves."""

    def __init__(self, _config: dict[str, Any]) -> None:
        self.paused: set[int] = set()

    def subscribe(self, _topics: list[str], *, on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self.on_assign, self.on_lost = on_assign, on_lost
        assert on_revoke is not None

    def give(self, *partitions: int) -> None:
        self.on_assign(self, [TopicPartition(TOPIC, partition) for partition in partitions])

    def lose(self, *partitions: int) -> None:
        self.on_lost(self, [TopicPartition(TOPIC, partition) for partition in partitions])

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = [partition.partition for partition in partitions]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {partition.partition for partition in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {partition.partition for partition in partitions}

    def poll(self, _seconds: float) -> None:
        return None

    def consume(self, _most: int, _seconds: float) -> list[Any]:
        return []


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> KafkaSource:
    monkeypatch.setattr(source, "Consumer", Group)
    settings = Settings(_env_file=None)
    return KafkaSource(settings, "g", {TOPIC: "id"}, uncommitted=False, positions=lambda: {})


@pytest.mark.parametrize("between", [lambda _: None, lambda read: read.wait(1, 0.0), lambda read: read.hold()])
def test_partitions_that_were_lost_while_held_are_read_again(
    read: KafkaSource, between: Callable[[KafkaSource], object]
) -> None:
    group: Any = read._consumer
    group.give(0, 1, 2)
    read.hold()
    assert group.paused == {0, 1, 2}
    group.lose(0, 1, 2)
    between(read)
    group.give(0)
    read.wait(1, 0.0)
    group.lose(0)
    group.give(0, 1, 2)
    read.wait(1, 0.0)
    assert group.paused == set()
