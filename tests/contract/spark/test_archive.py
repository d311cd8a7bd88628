"""Spark reads of the archive what lies in the range and before the first gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.fs as pafs
import pytest

from hailstream.archive.manifest import read_manifest
from hailstream.archive.months import Month, Part, beside, publish
from hailstream.archive.store import Store
from hailstream.spark.archive import read_records
from hailstream.topics import TRIPS_STARTED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A record every 20 minutes from noon on, offsets 0 to 11 without 9."""
    tmp_path = tmp_path / TRIPS_STARTED.base
    for offset in range(12):
        time = NOON + timedelta(minutes=20 * offset)
        folder = tmp_path / f"event_date={time:%Y-%m-%d}" / f"event_hour={time:%H}"
        folder.mkdir(parents=True, exist_ok=True)
        row = {"kafka_partition": 0, "kafka_offset": offset, "record_time": time.replace(tzinfo=None), "kind": "event"}
        frame = pl.DataFrame([row]).cast({"kafka_partition": pl.Int32, "record_time": pl.Datetime("ms")})
        if offset != 9:
            frame.write_parquet(folder / f"part-{offset}")
    return Store(pafs.LocalFileSystem(), str(tmp_path))


@pytest.fixture
def months(store: Store) -> Store:
    """A month with a trip at noon and one an hour later, and a version of it that does not count."""
    months = beside(store)
    first = round(NOON.timestamp() * 1000)
    parts = []
    for name, minutes in (("v2/0", 0), ("v2/1", 60), ("v1/0", 0)):
        path = Path(months.path(f"yellow-2024-01/{name}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {"kafka_partition": [None], "trip_id": [name], "kind": ["event"], "record_time": [NOON]}
        frame = pl.DataFrame(rows).with_columns(pl.col("record_time") + timedelta(minutes=minutes))
        frame.cast({"kafka_partition": pl.Int32, "record_time": pl.Datetime("ms", "UTC")}).write_parquet(path)
        parts.append(Part(name, 1, first + minutes * 60_000, first + minutes * 60_000))
    publish(months, Month("yellow-2024-01", "v2", "a", "b", 2, {}, {TRIPS_STARTED.base: tuple(parts[:2])}))
    return months


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


def read(spark: SparkSession, store: Store, begin: datetime | None, end: datetime | None) -> list[tuple[object, ...]]:
    records = read_records(spark, TRIPS_STARTED, store, read_manifest(store), begin, end)
    rows = records.where("minute(record_time) = 0").select("record_time", "event_hour", "trip_id", "kafka_offset")
    return sorted((tuple(row)[1:] for row in rows.collect()), key=str)


@pytest.mark.usefixtures("months")
def test_log_and_months_are_read_together(spark: SparkSession, store: Store) -> None:
    filed = [("12", "v2/0", None), ("13", "v2/1", None)]
    logged = [("12", None, 0), ("13", None, 3), ("14", None, 6)]
    assert read(spark, store, None, None) == sorted(filed + logged, key=str)
    assert read(spark, store, NOON + timedelta(minutes=1), NOON + timedelta(hours=2)) == [filed[1], logged[1]]
    assert read(spark, store, NOON + timedelta(hours=2), None) == [logged[2]]


def test_months_are_read_where_nothing_of_the_log_is(spark: SparkSession, months: Store) -> None:
    empty = Store(months.files, f"{months.root.rpartition('/')[0]}/{TRIPS_STARTED.base}.none")
    assert read(spark, empty, None, NOON + timedelta(minutes=1)) == [("12", "v2/0", None)]


def test_the_log_can_be_read_alone(spark: SparkSession, store: Store, months: Store) -> None:
    assert months.root.endswith("backfill")
    records = read_records(spark, TRIPS_STARTED, store, read_manifest(store), None, None, backfilled=False)
    assert records.where("kafka_offset IS NULL").count() == 0
