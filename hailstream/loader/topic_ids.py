"""Which incarnation of each topic the broker has now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic

from hailstream.settings import Settings
from hailstream.topics import Topic, topic_config

REQUEST_SECONDS = 10.0
CHECK_SECONDS = 5.0


class KafkaAway(Exception):
    """Kafka does not do what it was asked now; it is to be asked again."""


class TopicIds:
    """The broker's ids of the topics; a topic that does not exist has none.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, settings: Settings, topics: Iterable[Topic], clock: Callable[[], float]) -> None:
        self._settings = settings
        self._names = [topic.name(settings.namespace) for topic in topics]
        self._admin = AdminClient(settings.kafka_config() | {"log_level": "0"})
        self._clock = clock
        self._known: dict[str, str] = {}
        self._asked: dict[str, Future[Any]] | None = None
        self._checked = clock()

    def read(self) -> dict[str, str]:
        """The ids now, by topic name.

        Raises:
            KafkaAway: no answer.
        """
        self._known = _answers(self._ask())
        self._asked, self._checked = None, self._clock()
        return dict(self._known)

    def changed(self) -> bool:
        """Whether a topic appeared, vanished or was made anew since ``read``; never waits for an answer."""
        if self._asked is None:
            if self._clock() - self._checked >= CHECK_SECONDS:
                self._asked = self._ask()
            return False
        if not all(future.done() for future in self._asked.values()):
            return False
        asked, self._asked, self._checked = self._asked, None, self._clock()
        try:
            return _answers(asked) != self._known
        except KafkaAway:
            return False

    def create(self, topic: Topic) -> None:
        """Creates a topic unless it exists.

        Raises:
            KafkaAway: no answer, or refused.
        """
        new = NewTopic(
            topic.name(self._settings.namespace),
            num_partitions=self._settings.partitions,
            replication_factor=self._settings.replication_factor,
            config=topic_config(topic, self._settings.retention_bytes),
        )
        try:
            self._admin.create_topics([new], request_timeout=REQUEST_SECONDS)[new.topic].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise KafkaAway(f"Kafka at {self._settings.kafka_servers}: {error.args[0].str()}") from None

    def _ask(self) -> dict[str, Future[Any]]:
        try:
            futures: dict[str, Future[Any]] = self._admin.describe_topics(
                TopicCollection(self._names), request_timeout=REQUEST_SECONDS
            )
        except KafkaException as error:
            raise KafkaAway(f"Kafka at {self._settings.kafka_servers}: {error.args[0].str()}") from None
        return futures


def _answers(futures: dict[str, Future[Any]]) -> dict[str, str]:
    ids = {}
    for name, future in futures.items():
        try:
            ids[name] = str(future.result().topic_id)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise KafkaAway(f"Kafka: {error.args[0].str()}") from None
    return ids
