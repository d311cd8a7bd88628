"""Archived records as Spark's data frames."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from hailstream.archive.layout import FOLDERS, archive_columns, may_hold
from hailstream.archive.manifest import Manifest
from hailstream.archive.months import beside, files_of, published_months
from hailstream.archive.store import Store
from hailstream.topics import Topic

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_FORMS: Final = ("yyyy-MM-dd", "HH")
_TYPES: Final = {"BYTES": "BINARY", "TIMESTAMP(3)": "TIMESTAMP"}


def read_records(
    spark: SparkSession,
    topic: Topic,
    store: Store,
    manifest: Manifest,
    begin: datetime | None,
    end: datetime | None,
    *,
    backfilled: bool = True,
) -> DataFrame:
    """The records of a topic that the archive has: of the log without a gap, and of backfilled months.

    A trip may be in both: it has the same ``trip_id`` there. Those of a month have no partition and offset.

    Args:
        manifest: of the store's files: what it does not count is not read.
        begin, end: instants between which the records' times lie, ``end`` excluded; None: no bound.
        backfilled: False: those of the log alone.

    Raises:
        HailstreamError: the backfilled months cannot be listed.
    """
    from pyspark.sql import functions as f

    columns = archive_columns(topic)
    schema = ", ".join(f"`{name}` {_TYPES.get(sql, sql)}" for name, sql in columns.items())
    files = [store.spark_path(path) for path in sorted(manifest.files) if may_hold(path, begin, end)]
    months = beside(store)
    filed = (
        [months.spark_path(path) for path in files_of(published_months(months), topic, begin, end)]
        if backfilled
        else []
    )
    frames = []
    if files:
        complete = f.lit(False)
        for number, partition in manifest.partitions.items():
            complete |= (f.col("kafka_partition") == number) & (f.col("kafka_offset") < partition.end)
        frames.append(spark.read.schema(schema).option("basePath", store.spark_path()).parquet(*files).where(complete))
    if filed:
        # Months have no folders of dates: the columns are made of the time, as the log's folders are.
        dates = {name: f.date_format("record_time", form) for name, form in zip(FOLDERS, _FORMS, strict=True)}
        frames.append(spark.read.schema(schema).parquet(*filed).withColumns(dates))
    if not frames:
        return spark.createDataFrame([], schema)
    records = frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])
    within = f.lit(True)
    if begin is not None:
        within &= f.col("record_time") >= f.lit(begin)
    if end is not None:
        within &= f.col("record_time") < f.lit(end)
    return records.where(within)
