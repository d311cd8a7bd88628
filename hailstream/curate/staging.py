"""From the archive to staging: one clean row a trip, written and summed up in tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import dataset

from hailstream.archive.layout import EVENT, HEARTBEAT, REJECTED
from hailstream.archive.pieces import Piece
from hailstream.archive.schema import arrow_schema
from hailstream.curate.calendar import SECONDS_AN_HOUR
from hailstream.curate.raw import PLACE, Rows, Span, read_placed
from hailstream.curate.shelf import unwritable
from hailstream.curate.staging_sql import FOLDERS, events_sql, staging_sql
from hailstream.curate.sums import sum_up
from hailstream.decode.frame_zones import zones_of
from hailstream.duck.database import as_instants, open_database, rows_of
from hailstream.topics import TRIPS_ENDED

if TYPE_CHECKING:
    import duckdb

    from hailstream.settings import Settings

_FILES: Final = "part-*.parquet"
#: Files that are written at once.
_OPEN: Final = 64
#: What no row of staging is made of, and may be long.
_UNREAD: Final = ("message", "reason", "detail")


@dataclass(frozen=True)
class StageTask:
    """Some of an archive.

    Attributes:
        pieces: that are read.
        copies: by number of the piece, rows that repeat a trip.
    """

    pieces: tuple[Piece, ...]
    copies: Mapping[int, Rows]


@dataclass(frozen=True)
class Plan:
    """What is the same for all tasks.

    Attributes:
        hours: the calendar of the months and of the time before, with ``asked``: whether it is of the months.
        folder: of staging.
    """

    settings: Settings
    span: Span
    hours: pa.Table
    folder: str


@dataclass(frozen=True)
class Staged:
    """What a task has done.

    Attributes:
        attempt: in the names of its files.
        sums: of :func:`hailstream.curate.sums.sum_up`.
        others: records that are no events, by kind.
    """

    attempt: int
    sums: Mapping[str, pa.Table]
    others: Mapping[str, int]


def stage(task: StageTask, plan: Plan) -> Staged:
    """Read pieces, write their rows of staging, sum them up.

    Raises:
        HailstreamError: a file cannot be read, or staging not be written.
    """
    from pyspark import TaskContext

    context = TaskContext.get()
    attempt = context.taskAttemptId() if context is not None else 0
    columns = [name for name in arrow_schema(TRIPS_ENDED).names if name not in _UNREAD]
    records = _without(read_placed(plan.settings, task.pieces, columns), task.copies)
    with open_database({"records": records, "hours": plan.hours}, threads=1) as database:
        events = pl.DataFrame(pl.from_arrow(rows_of(database, events_sql("records", *plan.span.sql))))
        zones = (zones_of(events, "pickup").alias("zone_id"), zones_of(events, "dropoff").alias("end_zone_id"))
        database.register("events", events.with_columns(zones).to_arrow())
        database.execute(f"CREATE TEMP TABLE staged AS {staging_sql('events', 'hours')}")
        write_rows(rows_of(database, "SELECT * EXCLUDE (asked) FROM staged WHERE asked"), plan.folder, str(attempt))
        return Staged(attempt, sum_up(database), _others(database, plan.span))


def _without(records: pa.Table, copies: Mapping[int, Rows]) -> pa.Table:
    if not any(len(rows) for rows in copies.values()):
        return records
    pieces, rows = (records[name].to_numpy() for name in PLACE)
    kept = np.ones(len(rows), bool)
    for number, copied in copies.items():
        kept[pieces == number] &= ~np.isin(rows[pieces == number], copied)
    return records.filter(pa.array(kept))


def _others(database: duckdb.DuckDBPyConnection, span: Span) -> dict[str, int]:
    begin, end = span.sql
    found = database.sql(
        f"SELECT kind, count(*) FROM (SELECT kind, epoch_ms(record_time) // {SECONDS_AN_HOUR * 1000} AS hour"
        f" FROM records WHERE kind <> '{EVENT}' AND record_time >= {begin} AND record_time < {end})"
        f" WHERE hour >= {span.first_hour} AND hour < {span.end_hour} GROUP BY kind"
    ).fetchall()
    counts: dict[str, int] = {HEARTBEAT: 0, REJECTED: 0}
    return counts | dict(found)


def remove_uncounted(folder: str, before: set[Path], staged: Sequence[Staged]) -> None:
    """Delete files of tasks' attempts that do not count: of one that was tried again each attempt may have left some.

    Args:
        before: files that were there before the tasks.
    """
    counted = {str(one.attempt) for one in staged}
    for file in files_of(folder) - before:
        if file.name.split("-")[1] not in counted:
            file.unlink()


def files_of(folder: str) -> set[Path]:
    """The files of staging."""
    return set(Path(folder).rglob(_FILES))


def write_rows(rows: pa.Table, path: str, part: str = "0") -> None:
    """Add rows of staging to a folder, in folders of month, date and time of day.

    Nobody sees the folder before it is whole.

    Args:
        part: name of their files there.

    Raises:
        HailstreamError: the disk is full, or the folder cannot be written.
    """
    parts = dataset.partitioning(pa.schema([rows.schema.field(name) for name in FOLDERS]), flavor="hive")
    try:
        dataset.write_dataset(
            as_instants(rows).sort_by([(name, "ascending") for name in FOLDERS]),
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


def marked_rows(marked: pa.Table) -> dict[tuple[date, str], int]:
    """Rows by month and their marks."""
    columns = (marked[name].to_pylist() for name in ("month", "marks", "count"))
    return {(month, marks): count for month, marks, count in zip(*columns, strict=True)}
