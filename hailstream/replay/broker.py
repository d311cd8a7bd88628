"""What a replay asks the broker: partitions, newest records, ends of the log."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential

from hailstream.errors import HailstreamError
from hailstream.settings import Settings

log = logging.getLogger(__name__)
Say = Callable[[str], None]
#: End of the log (or a count) by topic name and partition.
Offsets = dict[str, dict[int, int]]

REQUEST_TIMEOUT = 10.0  # seconds
_MOMENT = 0.1  # what has come by then is looked at
_AWAY = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._NOENT,  # no leader known yet, just after a broker's start
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        # Who looks after a group is being settled, just after a broker's start too.
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NETWORK_EXCEPTION,
        # The broker has just come back, and it or the client still knows the leader of before.
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)


def is_away(error: BaseException) -> bool:
    """Whether the error means that the broker does not answer, rather than that it says no."""
    return isinstance(error, KafkaException) and error.args[0].code() in _AWAY


def patiently(request: Callable[[], Any], settings: Settings, say: Say) -> Any:
    """The answer to a request, however long the broker is away: waits with back-off and says so.

    Raises:
        HailstreamError: the broker answered "no".
    """
    away = False

    def tell(state: RetryCallState) -> None:
        nonlocal away
        if state.attempt_number == 2:  # once is common: a leader is just being chosen
            away = True
            error = state.outcome.exception() if state.outcome else None
            say(f"Kafka at {settings.kafka_servers} is away ({error and error.args[0].str()}): waiting for it")

    retrying = Retrying(
        retry=retry_if_exception(is_away), wait=wait_exponential(multiplier=0.25, max=5), before_sleep=tell
    )
    try:
        answer = retrying(request)
    except KafkaException as error:
        raise HailstreamError(
            f"Kafka at {settings.kafka_servers}: {error.args[0].str() or error.args[0].name()}",
            hint="check the HAILSTREAM_KAFKA_ settings; `hailstream status` shows whether the embedded one runs",
        ) from error
    if away:
        say(f"Kafka at {settings.kafka_servers} is back")
    return answer


class LogReader:
    """Reads the state of topics' logs; every call waits for a broker that is away."""

    def __init__(self, settings: Settings, say: Say = log.warning) -> None:
        self._settings = settings
        self._say = say
        # The client's own messages on stderr would say again, and worse, what `say` says.
        self._config = settings.kafka_config() | {"logger": _client_log()}
        self._admin = AdminClient(self._config)

    def wait(self) -> None:
        """Return when the broker answers."""
        patiently(partial(self._admin.list_topics, timeout=REQUEST_TIMEOUT), self._settings, self._say)

    def partitions(self, topics: Iterable[str]) -> dict[str, int]:
        """Number of partitions of each topic.

        Raises:
            HailstreamError: there is no such topic.
        """
        found: dict[str, int] = {}
        for topic in topics:
            ask = partial(self._admin.list_topics, topic, timeout=REQUEST_TIMEOUT)
            found[topic] = len(patiently(ask, self._settings, self._say).topics[topic].partitions)
            if not found[topic]:
                raise HailstreamError(f"there is no topic {topic}", hint="`hailstream up` creates the topics")
        return found

    def ends(self, partitions: Mapping[str, int]) -> Offsets:
        """The offset the next record of each partition gets."""
        return self._list(partitions, OffsetSpec.latest(), _end)

    def begins(self, partitions: Mapping[str, int]) -> Offsets:
        """The offset of the oldest record that each partition still has."""
        return self._list(partitions, OffsetSpec.earliest(), lambda info: int(info.offset))

    def committed(self, group: str, partitions: Mapping[str, int]) -> Offsets:
        """The offsets a consumer group has committed; partitions without one are left out.

        Raises:
            HailstreamError: the broker says no.
        """
        # A consumer that only asks joins no group. (An admin client would ask too, but librdkafka 2.16 has crashed
        # when a broker that has just started chooses the group's coordinator meanwhile.)
        consumer = Consumer(self._config | {"group.id": group, "enable.auto.commit": False})
        asked = [TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)]
        try:
            places = patiently(partial(consumer.committed, asked, timeout=REQUEST_TIMEOUT), self._settings, self._say)
        finally:
            consumer.close()
        out: Offsets = {topic: {} for topic in partitions}
        for place in places:
            if place.offset >= 0:
                out[place.topic][place.partition] = int(place.offset)
        return out

    def newest(self, partitions: Mapping[str, int]) -> dict[str, datetime]:
        """The newest record timestamp of each topic that has a record."""
        stamps = self._list(partitions, OffsetSpec.max_timestamp(), lambda info: int(info.timestamp))
        newest = {topic: max(by_partition.values()) for topic, by_partition in stamps.items()}
        return {topic: datetime.fromtimestamp(ms / 1000, UTC) for topic, ms in newest.items() if ms >= 0}

    def keys_between(self, start: Offsets, end: Offsets) -> dict[tuple[str, int], deque[str]]:
        """Keys, in order, of the records with a value (no heartbeats) from ``start`` to ``end``, by partition.

        Records of transactions that are open or were aborted are among them.
        """
        keys: dict[tuple[str, int], deque[str]] = {}
        wanted = [
            TopicPartition(topic, partition, start[topic][partition])
            for topic, by in end.items()
            for partition, stop in by.items()
            if stop > start[topic][partition]
        ]
        if not wanted:
            return keys
        consumer = Consumer(
            self._config
            | {
                "group.id": "unused",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "isolation.level": "read_uncommitted",
            }
        )
        try:
            consumer.assign(wanted)
            open_partitions = {(t.topic, t.partition) for t in wanted}
            while open_partitions:
                for message in consumer.consume(10_000, timeout=_MOMENT):
                    place = (message.topic(), message.partition())
                    if message.error() is not None:
                        if message.error().code() == KafkaError._PARTITION_EOF:
                            open_partitions.discard(place)
                        elif not is_away(KafkaException(message.error())):
                            raise HailstreamError(f"reading {place[0]}: {message.error().str()}")
                    elif message.offset() >= end[place[0]][place[1]]:
                        open_partitions.discard(place)
                    elif message.value() is not None:
                        keys.setdefault(place, deque()).append((message.key() or b"").decode())
        finally:
            consumer.close()
        return keys

    def _list(self, partitions: Mapping[str, int], spec: Any, value: Callable[[Any], int]) -> Offsets:
        def request() -> Offsets:
            asked = {TopicPartition(topic, p): spec for topic, count in partitions.items() for p in range(count)}
            # A client that has asked once keeps to the leader's epoch, and is refused for ever when that is over.
            admin = AdminClient(self._config)
            answers = admin.list_offsets(asked, request_timeout=REQUEST_TIMEOUT)
            out: Offsets = {topic: {} for topic in partitions}
            for place, future in answers.items():
                out[place.topic][place.partition] = value(future.result())
            return out

        answer: Offsets = patiently(request, self._settings, self._say)
        return answer


def _end(info: Any) -> int:
    """The offset of an answer; one without, as a broker that has just come back gives it, is asked for again."""
    if info.offset < 0:
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
    return int(info.offset)


def _client_log() -> logging.Logger:
    return logging.getLogger("hailstream.kafka")
