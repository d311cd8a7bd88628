"""Archived records as Spark's data frames."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from hailstream.archive.layout import FOLDERS, NO_DATE, archive_columns
from hailstream.archive.manifest import Manifest
from hailstream.archive.store import Store
from hailstream.topics import Topic

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TYPES: Final = {"BYTES": "BINARY", "TIMESTAMP(3)": "TIMESTAMP"}


def read_records(
    spark: SparkSession, topic: Topic, store: Store, manifest: Manifest, begin: datetime | None, end: datetime | None
) -> DataFrame:
    """The records of a topic that the archive has without a gap.

    Args:
        manifest: of the store's files: what it does not count is not read.
        begin, end: instants between which the records' times lie, ``end`` excluded; None: no bound.
    """
    from pyspark.sql import functions as f

    columns = archive_columns(topic)
    schema = ", ".join(f"`{name}` {_TYPES.get(sql, sql)}" for name, sql in columns.items())
    files = [store.path(path) for path in sorted(manifest.files) if _within(path, begin, end)]
    if not files:
        return spark.createDataFrame([], schema)
    records = spark.read.schema(schema).option("basePath", store.root).parquet(*files)
    complete = f.lit(False)
    for number, partition in manifest.partitions.items():
        complete |= (f.col("kafka_partition") == number) & (f.col("kafka_offset") < partition.end)
    if begin is not None:
        complete &= f.col("record_time") >= f.lit(begin)
    if end is not None:
        complete &= f.col("record_time") < f.lit(end)
    return records.where(complete)


def _within(path: str, begin: datetime | None, end: datetime | None) -> bool:
    """Whether a file's folder may hold records of that time."""
    folders = dict(part.split("=", 1) for part in path.split("/") if "=" in part)
    date, hour = (folders.get(name, NO_DATE) for name in FOLDERS)
    if NO_DATE in (date, hour):
        return True
    zone = begin.tzinfo if begin is not None else end.tzinfo if end is not None else None
    first = datetime.fromisoformat(f"{date}T{hour}:00:00").replace(tzinfo=zone)
    return (begin is None or first + timedelta(hours=1) > begin) and (end is None or first < end)
