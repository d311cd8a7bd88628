"""The times of a log's records, from its archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hailstream.archive.layout import EVENT
from hailstream.archive.manifest import Manifest, counted_files
from hailstream.archive.pieces import Piece, pieces_of, tasks_of
from hailstream.archive.records import read_records
from hailstream.archive.store import open_store
from hailstream.duck.database import open_database
from hailstream.settings import Settings
from hailstream.spark.tasks import spread
from hailstream.topics import Topic

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Offset of the next record by partition.
Offsets: TypeAlias = Mapping[int, int]


@dataclass(frozen=True)
class _Times:
    """What is asked of records: those below offsets, by name (None: all), whose times are no later than a horizon."""

    topic: Topic
    settings: Settings
    complete: Offsets
    below: Mapping[str, Offsets | None]
    horizon_ms: int

    def of(self, pieces: Sequence[Piece]) -> list[tuple[str, int, int]]:
        """By name and partition the newest time (ms), and as ``first`` that of the first event."""
        columns = ("kind", "record_time", "kafka_partition", "kafka_offset")
        time = "unix_millis(record_time)"
        asked = [f"SELECT 'first', kafka_partition, min({time}) FROM whole WHERE kind = '{EVENT}' GROUP BY ALL"]
        asked += [
            f"SELECT '{name}', kafka_partition, max({time}) FROM whole"
            f" WHERE {time} <= {self.horizon_ms} AND {below_sql(offsets)} GROUP BY ALL"
            for name, offsets in self.below.items()
        ]
        with open_database(
            {"records": read_records(self.topic, self.settings, pieces, columns)}, threads=1
        ) as database:
            database.execute(f"CREATE TEMP VIEW whole AS SELECT * FROM records WHERE {below_sql(self.complete)}")
            return database.sql(" UNION ALL ".join(asked)).fetchall()


def times_of(
    spark: SparkContext,
    topic: Topic,
    settings: Settings,
    manifest: Manifest,
    offsets: Mapping[str, Offsets | None],
    horizon_ms: int,
) -> tuple[int | None, dict[str, dict[int, int]]]:
    """The time of the log's first event; and by name and partition the newest time below the offsets of that name (ms).

    Of the archive's records without a gap.

    Args:
        offsets: None: of all records.
        horizon_ms: what is later is no record.

    Raises:
        HailstreamError: the archive cannot be read.
    """
    store = open_store(topic, settings)
    pieces = pieces_of(topic, store, counted_files(store, manifest), None, None, backfilled=False)
    asked = _Times(topic, settings, manifest.complete, offsets, horizon_ms)
    tasks = tasks_of(pieces, spark.defaultParallelism)
    newest: dict[str, dict[int, int]] = {name: {} for name in offsets}
    first: int | None = None
    for name, number, time in (row for rows in spread(spark, asked.of, tasks) for row in rows):
        if name in newest:
            newest[name][number] = max(time, newest[name].get(number, time))
        else:
            first = time if first is None else min(first, time)
    return first, newest


def below_sql(ends: Offsets | None) -> str:
    """SQL: a record is before the offset of its partition; None: any is."""
    if ends is None:
        return "true"
    tests = (f"(kafka_partition = {number} AND kafka_offset < {end})" for number, end in ends.items())
    return f"({' OR '.join(tests) or 'false'})"
