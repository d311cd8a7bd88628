"""Result messages from Kafka, where each consumer stands, and how far it is behind."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from hailstream.loader.batching import Message
from hailstream.loader.held_up import PartitionState
from hailstream.loader.topic_ids import KafkaAway
from hailstream.settings import Settings

log = logging.getLogger(__name__)

Key = tuple[str, int]
REQUEST_SECONDS = 10.0
# A dead member's partitions are given away after this.
SESSION_MS = 6000
STATISTICS_MS = 500
_MOVED = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._STATE,
    }
)


class KafkaSource:
    """A consumer group's member that reads the result topics in order.

    Nothing is committed but by :meth:`commit`. A commit carries the topic's id,
    so that an offset of a topic that was since deleted and made anew is not
    taken for one of the new topic.

    Args:
        group: consumer group.
        topic_ids: topics to read, with the broker's ids of them.
        uncommitted: also read messages of transactions that are still open.
        positions: asked at each assignment; the sink's own positions, or None
            when the group's committed offsets are the positions.
    """

    def __init__(
        self,
        settings: Settings,
        group: str,
        topic_ids: Mapping[str, str],
        *,
        uncommitted: bool,
        positions: Callable[[], Mapping[Key, int] | None],
    ) -> None:
        self._servers = settings.kafka_servers
        self._ids = dict(topic_ids)
        self._uncommitted = uncommitted
        self._positions = positions
        self._assigned: list[TopicPartition] | None = None
        self._next: dict[Key, int] = {}
        self._at_end: set[Key] = set()
        self._states: dict[Key, PartitionState] = {}
        self._pushed_back: list[Message] = []
        self._held = False
        self._away = False
        self._consumer = Consumer(
            settings.kafka_config()
            | {
                "group.id": group,
                "isolation.level": "read_uncommitted" if uncommitted else "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": SESSION_MS // 3,
                "statistics.interval.ms": STATISTICS_MS,
                "stats_cb": self._on_statistics,
                "error_cb": self._on_error,
                "log_level": 0,
            }
        )
        self._consumer.subscribe(
            list(self._ids), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    @property
    def states(self) -> list[PartitionState]:
        """Each assigned partition as of the last statistics, half a second old at most."""
        return list(self._states.values())

    @property
    def is_at_end(self) -> bool:
        """Everything there is was read, and no transaction hides more."""
        if self._assigned is None or self._pushed_back:
            return False
        keys = {(p.topic, p.partition) for p in self._assigned}
        return keys <= self._at_end and all(k in self._states and not self._states[k].held_back for k in keys)

    def wait(self, most: int, seconds: float) -> list[Message]:
        """Up to ``most`` messages as soon as there is one; none after ``seconds``.

        Raises:
            KafkaException: the consumer cannot go on and is to be made anew.
        """
        self._release()
        if self._pushed_back:
            return self._take_pushed_back()
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        return self._sift([first, *self._consumer.consume(most - 1, 0)] if most > 1 else [first])

    def gather(self, most: int, seconds: float) -> list[Message]:
        """Messages until there are ``most`` or ``seconds`` have passed."""
        self._release()
        if self._pushed_back:
            return self._take_pushed_back()
        return self._sift(self._consumer.consume(most, seconds))

    def hold(self) -> None:
        """Stays a member of the group, but reads nothing on until the next ``wait`` or ``gather``."""
        if self._assigned and not self._held:
            self._consumer.pause(self._assigned)
            self._held = True
        # A message that slipped through is kept for later.
        self._pushed_back += self._sift(self._consumer.consume(1, 0))

    def rewind(self, positions: Mapping[Key, int]) -> None:
        """Reads on from these positions; partitions that are not named from their beginning."""
        self._pushed_back.clear()
        if self._assigned:
            self._assign(self._consumer, self._assigned, positions)

    def commit(self, offsets: Mapping[Key, int]) -> None:
        """Commits next offsets, for partitions that are still ours.

        Raises:
            KafkaAway: not confirmed.
        """
        ours = {(p.topic, p.partition) for p in self._assigned or ()}
        commits = [
            TopicPartition(topic, partition, offset, metadata=self._ids[topic])
            for (topic, partition), offset in offsets.items()
            if (topic, partition) in ours
        ]
        if not commits:
            return
        try:
            results = self._consumer.commit(offsets=commits, asynchronous=False)
        except KafkaException as error:
            self._commit_failed(error.args[0])
            return
        for result in results:
            if result.error is not None:
                self._commit_failed(result.error)

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def _commit_failed(self, error: KafkaError) -> None:
        if error.code() not in _MOVED:
            raise KafkaAway(f"Kafka at {self._servers} does not take offsets: {error.str()}")
        # Its new owner reads the rows again, which changes nothing.
        log.info("offsets not committed, the partitions have moved on: %s", error.str())

    def _take_pushed_back(self) -> list[Message]:
        taken, self._pushed_back = self._pushed_back, []
        return taken

    def _release(self) -> None:
        if self._held and self._assigned:
            self._consumer.resume(self._assigned)
        self._held = False

    def _sift(self, polled: list[Any]) -> list[Message]:
        """The messages among what was polled; ends and errors are noted."""
        messages = []
        for item in polled:
            error = item.error()
            if error is None:
                partition, offset = item.partition(), item.offset()
                messages.append(Message(item.topic(), partition, offset, item.timestamp()[1], item.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                key = (item.topic(), item.partition())
                self._next[key] = item.offset()
                self._at_end.add(key)
            elif error.fatal() or error.code() == KafkaError._MAX_POLL_EXCEEDED:
                raise KafkaException(error)
            else:
                self._on_error(error)
        last: dict[Key, int] = {(m.topic, m.partition): m.offset for m in messages}
        for key, offset in last.items():
            if offset >= self._next.get(key, -1):
                self._next[key] = offset + 1
                self._at_end.discard(key)
        return messages

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        positions = self._positions()
        self._assign(consumer, partitions, self._committed(partitions) if positions is None else positions)

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition], positions: Mapping[Key, int]) -> None:
        self._next.clear()
        self._at_end.clear()
        self._states.clear()
        for partition in partitions:
            key = (partition.topic, partition.partition)
            partition.offset = positions.get(key, OFFSET_BEGINNING)
            if key in positions:
                self._next[key] = positions[key]
        consumer.assign(partitions)
        self._assigned = partitions
        # Pausing outlives an assignment, also of a partition that was taken away while it was paused.
        consumer.resume(partitions)
        self._held = False

    def _committed(self, partitions: list[TopicPartition]) -> dict[Key, int]:
        committed = self._consumer.committed(partitions, timeout=REQUEST_SECONDS) if partitions else []
        # Without metadata somebody else has set the offset, on purpose.
        return {
            (p.topic, p.partition): p.offset
            for p in committed
            if p.error is None and p.offset >= 0 and p.metadata in (None, "", self._ids[p.topic])
        }

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {(p.topic, p.partition) for p in partitions}
        self._assigned = [p for p in self._assigned or () if (p.topic, p.partition) not in gone]
        self._at_end -= gone
        for key in gone:
            self._next.pop(key, None)
            self._states.pop(key, None)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and not self._away:
            self._away = True
            log.warning("Kafka at %s is away; waiting for it, nothing is lost", self._servers)
        else:
            log.debug("Kafka: %s", error.str())

    def _on_statistics(self, text: str) -> None:
        statistics = json.loads(text)
        if self._away and any(b["state"] == "UP" for b in statistics["brokers"].values()):
            self._away = False
            log.warning("Kafka is back; going on")
        for assigned in self._assigned or ():
            key = (assigned.topic, assigned.partition)
            found = statistics["topics"].get(key[0], {}).get("partitions", {}).get(str(key[1]))
            if found is None or found["hi_offset"] < 0:
                continue
            end = found["hi_offset"]
            stable = end if self._uncommitted else found["ls_offset"]
            self._states[key] = PartitionState(*key, self._next.get(key, max(found["lo_offset"], 0)), stable, end)
