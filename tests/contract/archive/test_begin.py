"""A fresh run of job archive begins behind what its files have, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from hailstream.archive.begin import begin_behind_files
from hailstream.archive.store import open_store
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic

#: Of partition 0 of trips.started.v1 and of no other.
RECORDS = 5


@pytest.fixture
def settings(namespace: Settings, tmp_path: Path) -> Settings:
    producer = Producer(namespace.kafka_config())
    for _ in range(RECORDS):
        producer.produce(TRIPS_STARTED.name(namespace.namespace), None, partition=0)
    assert producer.flush(30) == 0
    return namespace.model_copy(update={"archive": tmp_path.as_uri()})


@pytest.fixture
def archive(settings: Settings) -> Callable[..., None]:
    def write(*offsets: int) -> None:
        path = Path(open_store(TRIPS_STARTED, settings).path(f"part-{offsets[0]}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pl.DataFrame({"kafka_partition": [0] * len(offsets), "kafka_offset": offsets})
        frame.cast({"kafka_partition": pl.Int32}).write_parquet(path)

    return write


def begins(settings: Settings, topic: Topic) -> list[int]:
    """Where the job would begin, by partition."""
    consumer = Consumer(settings.kafka_config() | {"group.id": settings.consumer_group("archive")})
    try:
        name = topic.name(settings.namespace)
        places = [TopicPartition(name, number) for number in range(settings.partitions)]
        return [place.offset for place in consumer.committed(places, timeout=30)]
    finally:
        consumer.close()


def test_nothing_archived_is_begun_at_the_beginning(settings: Settings) -> None:
    begin_behind_files(settings)
    assert begins(settings, TRIPS_STARTED) == begins(settings, TRIPS_ENDED) == [0] * settings.partitions


def test_what_is_archived_is_not_read_again(settings: Settings, archive: Callable[..., None]) -> None:
    archive(0, 1)
    archive(2)
    begin_behind_files(settings)
    assert begins(settings, TRIPS_STARTED)[:2] == [3, 0]
    archive(3, 4)
    begin_behind_files(settings)
    assert begins(settings, TRIPS_STARTED)[0] == RECORDS


def test_an_archive_with_a_gap_is_not_gone_on_with(settings: Settings, archive: Callable[..., None]) -> None:
    archive(0, 1, 3)
    with pytest.raises(HailstreamError, match="partition 0: 2 to 2 missing, 1 behind them"):
        begin_behind_files(settings)


def test_an_archive_of_another_log_is_not_gone_on_with(settings: Settings, archive: Callable[..., None]) -> None:
    archive(*range(RECORDS + 1))
    with pytest.raises(HailstreamError, match=r"6 records of .* Kafka 5: the topic was made anew"):
        begin_behind_files(settings)
