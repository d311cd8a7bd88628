"""Create and delete the topics of a namespace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata, NewTopic
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import ALL_TOPICS, CONTROL_TOPICS, ControlTopic, NamedTopic, topic_config

TIMEOUT_SECONDS = 30.0
EVERY_TOPIC = (*ALL_TOPICS, *CONTROL_TOPICS)


def create_topics(settings: Settings, topics: Sequence[NamedTopic] = EVERY_TOPIC) -> tuple[str, ...]:
    """Create those of ``topics`` that the settings' namespace lacks; returns the names created.

    A topic that is there is left as it is. When this returns every topic has
    a leader for each partition, so that a consumer or producer can use it.

    Raises:
        HailstreamError: the broker cannot be reached or refuses a topic; names it.
    """
    client = _client(settings)
    names = {topic.name(settings.namespace): topic for topic in topics}
    there = _topics_with_leaders(client, settings)
    wanted = {name: topic for name, topic in names.items() if name not in there}
    if not wanted:
        return ()
    created = _each(
        lambda: client.create_topics(
            [
                NewTopic(
                    name,
                    num_partitions=1 if isinstance(topic, ControlTopic) else settings.partitions,
                    replication_factor=settings.replication_factor,
                    config=topic_config(topic, settings.retention_bytes),
                )
                for name, topic in wanted.items()
            ],
            operation_timeout=TIMEOUT_SECONDS,
            request_timeout=TIMEOUT_SECONDS,
        ),
        settings,
        what="created",
        harmless=KafkaError.TOPIC_ALREADY_EXISTS,
    )
    missing = set(names) - _topics_with_leaders(client, settings, list(names))
    if missing:
        raise HailstreamError(
            f"Kafka at {settings.kafka_servers}: no leader for {', '.join(sorted(missing))}",
            hint="is every broker up? HAILSTREAM_REPLICATION_FACTOR must not exceed their number",
        )
    return created


def delete_topics(settings: Settings, topics: Sequence[NamedTopic] = EVERY_TOPIC) -> tuple[str, ...]:
    """Delete those of ``topics`` that the settings' namespace has; returns the names deleted.

    Raises:
        HailstreamError: the broker cannot be reached or refuses; names the topic.
    """
    client = _client(settings)
    there = set(_metadata(client, settings).topics)
    names = [name for topic in topics if (name := topic.name(settings.namespace)) in there]
    if not names:
        return ()
    deleted = _each(
        lambda: client.delete_topics(names, operation_timeout=TIMEOUT_SECONDS),
        settings,
        what="deleted",
        harmless=KafkaError.UNKNOWN_TOPIC_OR_PART,
    )
    # The broker answers before it has forgotten them: who creates them anew must not see the old ones.
    _until(lambda: set(_metadata(client, settings).topics), lambda left: left.isdisjoint(names))
    return deleted


def _client(settings: Settings) -> AdminClient:
    return AdminClient({**settings.kafka_config(), "log_level": 0})


def _metadata(client: AdminClient, settings: Settings) -> ClusterMetadata:
    try:
        return client.list_topics(timeout=TIMEOUT_SECONDS / 3)
    except KafkaException as error:
        raise HailstreamError(
            f"Kafka at {settings.kafka_servers} does not answer: {error.args[0].str()}",
            hint="`hailstream up` starts the embedded one; for an external one check its settings",
        ) from error


def _topics_with_leaders(client: AdminClient, settings: Settings, wait_for: Sequence[str] = ()) -> set[str]:
    """Topics whose partitions all have a leader; asks again for a while until it has all of ``wait_for``."""

    def ready() -> set[str]:
        topics = _metadata(client, settings).topics.values()
        return {
            topic.topic
            for topic in topics
            if topic.partitions and all(part.leader >= 0 for part in topic.partitions.values())
        }

    return _until(ready, lambda found: found.issuperset(wait_for))


def _until(ask: Callable[[], set[str]], holds: Callable[[set[str]], bool]) -> set[str]:
    """Ask again for a while until the answer ``holds``; returns the last answer."""
    retrying = Retrying(
        retry=retry_if_result(lambda answer: not holds(answer)),
        stop=stop_after_delay(TIMEOUT_SECONDS),
        wait=wait_fixed(0.1),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else set(),
    )
    return retrying(ask)


def _each(
    request: Callable[[], dict[str, Future[None]]], settings: Settings, *, what: str, harmless: int
) -> tuple[str, ...]:
    """Wait for an answer per topic; all are waited for before the first refusal is told."""
    done: list[str] = []
    refused: dict[str, list[str]] = {}
    for name, future in request().items():
        try:
            future.result()
            done.append(name)
        except KafkaException as error:
            if error.args[0].code() != harmless:
                refused.setdefault(error.args[0].str(), []).append(name)
    if refused:
        reasons = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in refused.items())
        raise HailstreamError(
            f"Kafka at {settings.kafka_servers}: not {what}: {reasons}",
            hint="check HAILSTREAM_PARTITIONS, HAILSTREAM_REPLICATION_FACTOR and the user's rights",
        )
    return tuple(done)
