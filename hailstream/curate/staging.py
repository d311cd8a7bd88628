"""From the archive to staging: one clean row a trip, copies removed, everything counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import dataset

from hailstream.archive.layout import EVENT, HEARTBEAT, REJECTED
from hailstream.curate.calendar import SECONDS_AN_HOUR
from hailstream.curate.shelf import unwritable
from hailstream.curate.staging_sql import (
    DUPLICATE,
    FOLDERS,
    MARKS,
    NEEDS_LOOK_UP,
    STAGING_COLUMNS,
    events_sql,
    staging_sql,
)

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

#: Of copies that disagree the one that stands last in the log counts.
_LAST_FIRST: Final = "record_time DESC, kafka_offset DESC, kafka_partition DESC"
#: Rows that a task has in memory, at least, before it writes them.
_AT_ONCE: Final = 250_000
_FILES: Final = "part-*.parquet"
#: Files that are written at once.
_OPEN: Final = 64


@dataclass(frozen=True)
class Raw:
    """What the archive has of some months.

    Attributes:
        rows: events, copies too.
        total_cents: sum of their totals.
        copies: how many of them repeat a trip.
        copied_cents: sum of the totals of those.
        unplaced: whether an event has coordinates and no zone.
        others: records that are no events, by kind.
    """

    rows: int
    total_cents: int
    copies: int
    copied_cents: int
    unplaced: bool
    others: dict[str, int]


@dataclass(frozen=True)
class RuleCount:
    """What a rule did to rows.

    Attributes:
        month: of the rows; None where they have none that is known.
        rule: a mark, or the reason for which rows are not in staging.
    """

    month: date | None
    rule: str
    kept: int
    marked: int
    dropped: int


class Stager:
    """Cleans the events of a view.

    Args:
        records: archived records, of the months and as much before as features look back.
        first_hour, end_hour: hours of the months; rows of others are no part of them.
    """

    def __init__(self, spark: SparkSession, records: DataFrame, first_hour: int, end_hour: int) -> None:
        self._spark = spark
        self._asked = f"hour >= {first_hour} AND hour < {end_hour}"
        records.createOrReplaceTempView("records")
        spark.sql(events_sql("records")).createOrReplaceTempView("all_events")
        self._losers: DataFrame | None = None
        self.raw = self._count()

    def rows(self, hours: str) -> DataFrame:
        """Rows of staging of the hours of a view."""
        return self._spark.sql(staging_sql("events", hours, look_up=self.raw.unplaced))

    def _count(self) -> Raw:
        spark, asked = self._spark, self._asked
        cents = f"sum(CASE WHEN {asked} THEN coalesce(total_cents, 0L) ELSE 0L END)"
        [found] = spark.sql(
            f"SELECT sum(asked) AS asked, sum(cents) AS cents, coalesce(bool_or(unplaced), false) AS unplaced,"
            f" coalesce(max(copies), 0L) AS copies FROM (SELECT count_if({asked}) AS asked, {cents} AS cents,"
            f" bool_or({NEEDS_LOOK_UP}) AS unplaced, count(*) AS copies FROM all_events GROUP BY xxhash64(trip_id))"
        ).collect()
        copies, copied = self._remove_copies() if found["copies"] > 1 else self._take_all()
        others = spark.sql(
            f"SELECT kind, count(*) AS rows FROM (SELECT kind, unix_seconds(record_time) div {SECONDS_AN_HOUR} AS hour"
            f" FROM records WHERE kind <> '{EVENT}') WHERE {asked} GROUP BY kind"
        ).collect()
        return Raw(
            found["asked"] or 0,
            found["cents"] or 0,
            copies,
            copied,
            found["unplaced"],
            {HEARTBEAT: 0, REJECTED: 0} | {row["kind"]: row["rows"] for row in others},
        )

    def _take_all(self) -> tuple[int, int]:
        self._spark.table("all_events").createOrReplaceTempView("events")
        return 0, 0

    def _remove_copies(self) -> tuple[int, int]:
        """Of few trips all columns are sorted; of all the others a hash of the id is compared."""
        spark = self._spark
        spark.sql(
            "SELECT xxhash64(trip_id) AS copied FROM all_events GROUP BY ALL HAVING count(*) > 1"
        ).createOrReplaceTempView("copied")
        spark.sql(
            f"SELECT *, row_number() OVER (PARTITION BY trip_id ORDER BY {_LAST_FIRST}) AS place"
            " FROM all_events LEFT SEMI JOIN copied ON xxhash64(trip_id) = copied"
        ).createOrReplaceTempView("placed_copies")
        spark.sql(
            "SELECT * FROM all_events LEFT ANTI JOIN copied ON xxhash64(trip_id) = copied"
            " UNION ALL SELECT * EXCEPT (place) FROM placed_copies WHERE place = 1"
        ).createOrReplaceTempView("events")
        [found] = spark.sql(
            "SELECT count(*) AS rows, coalesce(sum(coalesce(total_cents, 0L)), 0L) AS cents FROM placed_copies"
            f" WHERE place > 1 AND {self._asked}"
        ).collect()
        return found["rows"], found["cents"]


def write_staging(rows: DataFrame, path: str) -> None:
    """Add to a folder of Parquet files, in folders of month, date and time of day.

    By Arrow in the tasks: Spark's own writer takes twice as long. Nobody sees the folder before it is whole.

    Raises:
        HailstreamError: inside the tasks, see :func:`write_rows`.
    """

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        attempt, part, waiting = context.taskAttemptId(), 0, list[pa.RecordBatch]()
        for batch in batches:
            waiting.append(batch)
            if sum(one.num_rows for one in waiting) >= _AT_ONCE:
                write_rows(pa.Table.from_batches(waiting), path, f"{attempt}-{part}")
                part, waiting = part + 1, []
        if waiting:
            write_rows(pa.Table.from_batches(waiting), path, f"{attempt}-{part}")
        yield pa.record_batch({"attempt": pa.array([attempt], pa.int64())})

    before = set(Path(path).rglob(_FILES))
    counted = {str(row["attempt"]) for row in rows.mapInArrow(write, "attempt long").collect()}
    # A task that was tried again, or twice at once, has left files of each attempt: one of them counts.
    for file in set(Path(path).rglob(_FILES)) - before:
        if file.name.split("-")[1] not in counted:
            file.unlink()


def write_rows(rows: pa.Table, path: str, part: str = "0") -> None:
    """Add rows of staging to a folder.

    Args:
        part: name of their files there.

    Raises:
        HailstreamError: the disk is full, or the folder cannot be written.
    """
    parts = dataset.partitioning(pa.schema([rows.schema.field(name) for name in FOLDERS]), flavor="hive")
    try:
        dataset.write_dataset(
            rows.sort_by([(name, "ascending") for name in FOLDERS]),
            path,
            basename_template=_FILES.replace("*", f"{part}-{{i}}"),
            format="parquet",
            partitioning=parts,
            # As many as there are: a file is written while its rows last.
            max_partitions=rows.num_rows or 1,
            max_open_files=_OPEN,
            existing_data_behavior="overwrite_or_ignore",
        )
    except OSError as error:
        raise unwritable(path, error) from None


def read_staging(spark: SparkSession, path: str, months: list[date]) -> DataFrame:
    """What was written of some months in a row."""
    schema = ", ".join(f"{name} {sql}" for name, sql in STAGING_COLUMNS.items())
    wanted = f"month BETWEEN DATE '{months[0]}' AND DATE '{months[-1]}'"
    return spark.read.schema(schema).parquet(path).where(wanted)


def rule_counts(trips: DataFrame, raw: Raw, months: list[date]) -> list[RuleCount]:
    """Of each rule and month how many rows were kept without a mark, and marked; and of all months how many dropped."""
    found = {(row["month"], row["marks"]): row["count"] for row in trips.groupBy("month", "marks").count().collect()}
    counts = []
    for month in months:
        rows = sum(count for (of, _), count in found.items() if of == month)
        for rule in MARKS:
            marked = sum(count for (of, marks), count in found.items() if of == month and rule in marks.split(","))
            counts.append(RuleCount(month, rule, rows - marked, marked, 0))
    counts.append(RuleCount(None, DUPLICATE, raw.rows - raw.copies, 0, raw.copies))
    counts += [RuleCount(None, kind, 0, 0, rows) for kind, rows in raw.others.items()]
    return counts
