"""Where a fresh run of job archive begins to read: behind what the files have."""

from __future__ import annotations

import logging

from confluent_kafka import Consumer, KafkaException, TopicPartition

from hailstream.archive.manifest import read_manifest
from hailstream.archive.store import open_store
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import ARCHIVE
from hailstream.replay.broker import LogReader, patiently
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS

log = logging.getLogger(__name__)


def begin_behind_files(settings: Settings) -> None:
    """Commit, for the job's group, the offsets that the archive is complete up to.

    So a run without a checkpoint neither leaves a record out nor writes one twice.

    Raises:
        HailstreamError: the archive has a gap, or another log than the topics hold.
    """
    reader = LogReader(settings)
    partitions = reader.partitions([topic.name(settings.namespace) for topic in EVENT_TOPICS])
    oldest, ends = reader.begins(partitions), reader.ends(partitions)
    places = []
    for topic in EVENT_TOPICS:
        manifest = read_manifest(open_store(topic, settings))
        name = topic.name(settings.namespace)
        if manifest.gaps:
            raise HailstreamError(
                f"the archive of {name} is not whole: {'; '.join(manifest.gaps)}",
                hint="a run that was killed while it published files goes on by `hailstream jobs recover archive`",
            )
        for number in range(partitions[name]):
            archived = manifest.partitions.get(number)
            # Of a partition of which nothing is archived all is read, whatever an earlier run has committed.
            begin = archived.end if archived else oldest[name][number]
            _require_same_log(f"{name} partition {number}", begin, oldest[name][number], ends[name][number], settings)
            places.append(TopicPartition(name, number, begin))
    _commit(places, settings)


def _require_same_log(what: str, begin: int, oldest: int, end: int, settings: Settings) -> None:
    if begin > end:
        raise HailstreamError(
            f"the archive has {begin:,} records of {what}, Kafka {end:,}: the topic was made anew",
            hint=f"archive it elsewhere (HAILSTREAM_ARCHIVE, now {settings.archive_address}), or in another namespace",
        )
    if begin < oldest:
        raise HailstreamError(
            f"{what} begins at {oldest:,}, the archive ends at {begin:,}: {oldest - begin:,} records are gone for good",
            hint="archive what is left elsewhere (HAILSTREAM_ARCHIVE), and keep topics longer than the archive lags",
        )


def _commit(places: list[TopicPartition], settings: Settings) -> None:
    consumer = Consumer(
        settings.kafka_config() | {"group.id": settings.consumer_group(ARCHIVE.name), "enable.auto.commit": False}
    )
    try:
        patiently(lambda: consumer.commit(offsets=places, asynchronous=False), settings, log.warning)
    except KafkaException as error:
        raise HailstreamError(f"where job archive begins could not be told to Kafka: {error.args[0].str()}") from None
    finally:
        consumer.close()
