"""Spark reads of the archive what lies in the range and before the first gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.fs as pafs
import pytest

from hailstream.archive.manifest import read_manifest
from hailstream.archive.store import Store
from hailstream.spark.archive import read_records
from hailstream.topics import TRIPS_STARTED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A record every 20 minutes from noon on, offsets 0 to 11 without 9."""
    for offset in range(12):
        time = NOON + timedelta(minutes=20 * offset)
        folder = tmp_path / f"event_date={time:%Y-%m-%d}" / f"event_hour={time:%H}"
        folder.mkdir(parents=True, exist_ok=True)
        row = {"kafka_partition": 0, "kafka_offset": offset, "record_time": time.replace(tzinfo=None), "kind": "event"}
        frame = pl.DataFrame([row]).cast({"kafka_partition": pl.Int32, "record_time": pl.Datetime("ms")})
        if offset != 9:
            frame.write_parquet(folder / f"part-{offset}")
    return Store(pafs.LocalFileSystem(), str(tmp_path))


def offsets(spark: SparkSession, store: Store, begin: datetime | None, end: datetime | None) -> list[int]:
    records = read_records(spark, TRIPS_STARTED, store, read_manifest(store), begin, end)
    return sorted(row["kafka_offset"] for row in records.select("kafka_offset").collect())


def test_all_is_read_up_to_the_gap(spark: SparkSession, store: Store) -> None:
    assert offsets(spark, store, None, None) == list(range(9))


def test_a_range_has_its_begin_and_not_its_end(spark: SparkSession, store: Store) -> None:
    assert offsets(spark, store, NOON + timedelta(minutes=20), NOON + timedelta(minutes=60)) == [1, 2]
    assert offsets(spark, store, NOON + timedelta(minutes=21), NOON + timedelta(minutes=61)) == [2, 3]
    assert offsets(spark, store, NOON - timedelta(days=2), NOON) == []


def test_fields_that_a_file_has_not_got_are_null(spark: SparkSession, store: Store) -> None:
    [row] = read_records(spark, TRIPS_STARTED, store, read_manifest(store), None, NOON + timedelta(minutes=1)).collect()
    assert (row["trip_id"], row["event_date"], row["event_hour"]) == (None, "2024-01-01", "12")
