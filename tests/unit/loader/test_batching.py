"""When a batch is due, and which offsets it covers."""

from __future__ import annotations

from hailstream.loader.batching import Batcher, Message
from hailstream.loader.contract import OffsetRange


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def messages(count: int, topic: str = "a", partition: int = 0, first: int = 0) -> list[Message]:
    return [Message(topic, partition, first + n, 0, b"") for n in range(count)]


def test_a_batch_is_due_when_it_is_full() -> None:
    batcher = Batcher(10, 60.0, Clock())
    batcher.add(messages(9))
    assert not batcher.due
    assert batcher.room == 1
    batcher.add(messages(1, first=9))
    assert batcher.due


def test_a_batch_is_due_when_its_oldest_message_has_waited_long_enough() -> None:
    clock = Clock()
    batcher = Batcher(10, 1.0, clock)
    batcher.add(messages(1))
    clock.now += 0.9
    batcher.add(messages(1, first=1))
    assert not batcher.due
    assert 0.09 < batcher.wait < 0.11
    clock.now += 0.11
    assert batcher.due


def test_nothing_is_never_due() -> None:
    clock = Clock()
    batcher = Batcher(10, 0.0, clock)
    clock.now += 1000
    assert not batcher.due


def test_the_waiting_begins_anew_after_a_batch_was_taken() -> None:
    clock = Clock()
    batcher = Batcher(10, 1.0, clock)
    batcher.add(messages(1))
    clock.now += 5
    assert list(batcher.take()) == ["a"]
    batcher.add(messages(1, first=1))
    assert not batcher.due
    assert batcher.take()["a"].offsets == [1]


def test_ranges_are_kept_apart_by_topic_and_partition_and_may_have_gaps() -> None:
    batcher = Batcher(100, 1.0, Clock())
    batcher.add(messages(3, partition=2, first=50))
    batcher.add(messages(2, partition=0, first=7))
    # Markers of transactions take offsets too.
    batcher.add(messages(1, partition=2, first=60))
    batcher.add(messages(1, topic="b", partition=2, first=1))
    taken = batcher.take()
    assert taken["a"].ranges() == (OffsetRange(0, 7, 8), OffsetRange(2, 50, 60))
    assert taken["b"].ranges() == (OffsetRange(2, 1, 1),)
