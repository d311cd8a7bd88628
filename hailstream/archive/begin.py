"""Where a fresh run of job archive begins to read: behind what the files have."""

from __future__ import annotations

from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from hailstream.archive.manifest import Manifest, read_manifest
from hailstream.archive.store import open_store
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import ARCHIVE
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, Topic

_TIMEOUT: Final = 30.0


def begin_behind_files(settings: Settings) -> None:
    """Commit, for the job's group, the offsets that the archive is complete up to.

    So a run without a checkpoint neither leaves a record out nor writes one twice.

    Raises:
        HailstreamError: the archive has a gap, or another log than the topics hold.
    """
    begins: list[TopicPartition] = []
    for topic in EVENT_TOPICS:
        manifest = read_manifest(open_store(topic, settings))
        _require_whole(manifest, topic, settings)
        name = topic.name(settings.namespace)
        begins += [TopicPartition(name, number, found.end) for number, found in manifest.partitions.items()]
    consumer = Consumer(
        settings.kafka_config() | {"group.id": settings.consumer_group(ARCHIVE.name), "enable.auto.commit": False}
    )
    try:
        for begin in begins:
            _require_same_log(consumer, begin, settings)
        consumer.commit(offsets=[*begins, *_unread(consumer, begins, settings)], asynchronous=False)
    except KafkaException as error:
        raise HailstreamError(f"where job archive begins could not be told to Kafka: {error.args[0].str()}") from None
    finally:
        consumer.close()


def _unread(consumer: Consumer, begins: list[TopicPartition], settings: Settings) -> list[TopicPartition]:
    """The beginnings of partitions of which the archive has nothing, whatever an earlier run has committed."""
    known = {(begin.topic, begin.partition) for begin in begins}
    unread = []
    for topic in EVENT_TOPICS:
        name = topic.name(settings.namespace)
        for number in consumer.list_topics(name, timeout=_TIMEOUT).topics[name].partitions:
            if (name, number) not in known:
                low, _ = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=_TIMEOUT)
                unread.append(TopicPartition(name, number, low))
    return unread


def _require_whole(manifest: Manifest, topic: Topic, settings: Settings) -> None:
    if manifest.gaps:
        raise HailstreamError(
            f"the archive of {topic.name(settings.namespace)} is not whole: {'; '.join(manifest.gaps)}",
            hint="a run that was killed while it published files goes on by `hailstream jobs recover archive`",
        )


def _require_same_log(consumer: Consumer, begin: TopicPartition, settings: Settings) -> None:
    low, high = consumer.get_watermark_offsets(TopicPartition(begin.topic, begin.partition), timeout=_TIMEOUT)
    if begin.offset > high:
        raise HailstreamError(
            f"the archive has {begin.offset:,} records of {begin.topic} partition {begin.partition}, Kafka {high:,}: "
            "the topic was made anew",
            hint=f"archive it elsewhere (HAILSTREAM_ARCHIVE, now {settings.archive_address}), or in another namespace",
        )
    if begin.offset < low:
        raise HailstreamError(
            f"{begin.topic} partition {begin.partition} begins at {low:,}, and the archive ends at {begin.offset:,}: "
            f"{low - begin.offset:,} records are gone for good",
            hint="archive what is left elsewhere (HAILSTREAM_ARCHIVE), and keep topics longer than the archive lags",
        )
