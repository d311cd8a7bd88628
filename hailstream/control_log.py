"""A topic of what people tell running jobs: read whole, and written message by message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from hailstream.errors import HailstreamError
from hailstream.local.topics_admin import create_topics
from hailstream.settings import Settings
from hailstream.topics import ControlTopic

TIMEOUT_SECONDS: Final = 30.0
_HINT: Final = "`hailstream up` starts the embedded Kafka; for an external one check the HAILSTREAM_KAFKA_ settings"


class Message(NamedTuple):
    """A message of the topic; no value takes away what was set for the key."""

    key: bytes
    value: bytes | None
    offset: int


class ControlLog:
    """A topic in the settings' namespace."""

    def __init__(self, settings: Settings, topic: ControlTopic) -> None:
        self._settings = settings
        self._topic = topic
        self._name = topic.name(settings.namespace)

    def read(self) -> list[Message]:
        """All messages up to the end the topic has now, in order; none if there is no topic.

        Raises:
            HailstreamError: Kafka does not answer, or refuses.
        """
        consumer = Consumer(
            self._settings.kafka_config()
            | {
                "group.id": self._settings.consumer_group("controls"),
                "enable.auto.commit": False,
                # Where messages were compacted away offsets have gaps, so the end is not found by counting.
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )
        try:
            return self._read(consumer)
        except KafkaException as error:
            raise self._failure(error.args[0].str()) from None
        finally:
            consumer.close()

    def write(self, key: bytes, value: bytes | None) -> None:
        """Send a message and wait until it is stored; no value takes the key's message away. Makes the topic.

        Raises:
            HailstreamError: it was not confirmed.
        """
        self.write_all([(key, value)])

    def write_all(self, messages: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Send messages and wait until all are stored; see :meth:`write`.

        Raises:
            HailstreamError: not all were confirmed.
        """
        create_topics(self._settings, [self._topic])
        producer = Producer(
            self._settings.kafka_config()
            | {"enable.idempotence": True, "delivery.timeout.ms": int(TIMEOUT_SECONDS * 1000), "log_level": 0}
        )
        answers: list[KafkaError | None] = []
        sent = 0
        try:
            for key, value in messages:
                producer.produce(self._name, key=key, value=value, on_delivery=lambda error, _: answers.append(error))
                sent += 1
        except KafkaException as error:
            raise self._failure(error.args[0].str()) from None
        producer.flush(TIMEOUT_SECONDS + 1)
        if len(answers) < sent:
            raise self._failure(f"no confirmation within {TIMEOUT_SECONDS:.0f} s")
        for answer in answers:
            if answer is not None:
                raise self._failure(answer.str())

    def _read(self, consumer: Any) -> list[Message]:
        described = consumer.list_topics(self._name, timeout=TIMEOUT_SECONDS).topics[self._name]
        if described.error is not None:
            if described.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return []
            raise self._failure(described.error.str())
        unfinished = set(described.partitions)
        consumer.assign([TopicPartition(self._name, partition, 0) for partition in sorted(unfinished)])
        messages: list[Message] = []
        while unfinished:
            record = consumer.poll(TIMEOUT_SECONDS)
            if record is None:
                raise self._failure(f"the end of the topic did not come within {TIMEOUT_SECONDS:.0f} s")
            if record.error() is None:
                messages.append(Message(record.key() or b"", record.value(), record.offset()))
            elif record.error().code() == KafkaError._PARTITION_EOF:
                unfinished.discard(record.partition())
            else:
                raise self._failure(record.error().str())
        return messages

    def _failure(self, reason: str) -> HailstreamError:
        return HailstreamError(f"topic {self._name} of Kafka at {self._settings.kafka_servers}: {reason}", hint=_HINT)
