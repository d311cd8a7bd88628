"""Rows of staging: in folders, or a clear end."""

from __future__ import annotations

import resource
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from hailstream.curate.staging import Staged, files_of, remove_uncounted, write_rows
from hailstream.errors import HailstreamError

MONTH = date(2024, 1, 1)


def rows(count: int) -> pa.Table:
    return pa.table(
        {
            "trip_id": [f"trip {number}" for number in range(count)],
            "month": pa.array([MONTH] * count, pa.date32()),
            "date": pa.array([date(2024, 1, 1 + number % 3) for number in range(count)], pa.date32()),
            "time_of_day": [("morning", "night")[number % 2] for number in range(count)],
        }
    )


def test_rows_are_in_folders_of_month_date_and_time_of_day(tmp_path: Path) -> None:
    write_rows(rows(12), str(tmp_path / "staging"))
    [first, *rest] = sorted((tmp_path / "staging").glob("*/*/*"))
    assert first.relative_to(tmp_path) == Path("staging/month=2024-01-01/date=2024-01-01/time_of_day=morning")
    assert len(rest) == 5
    schema = {"month": pl.Date, "date": pl.Date, "time_of_day": pl.String}
    found = pl.read_parquet(tmp_path / "staging", hive_partitioning=True, hive_schema=schema)
    assert found.sort("trip_id").equals(pl.DataFrame(pl.from_arrow(rows(12))).sort("trip_id").select(found.columns))


def test_nothing_is_written_of_nothing(tmp_path: Path) -> None:
    write_rows(rows(0), str(tmp_path / "staging"))
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        with pytest.raises(HailstreamError, match="those that were published are as before"):
            write_rows(rows(10_000), str(tmp_path / "staging"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_files_of_attempts_that_do_not_count_are_deleted(tmp_path: Path) -> None:
    folder = str(tmp_path / "staging")
    # Of a month that was written before, in the same run.
    write_rows(rows(12), folder, "7")
    before = files_of(folder)
    for attempt in ("8", "9"):
        write_rows(rows(12), folder, attempt)
    remove_uncounted(folder, before, [Staged(9, {}, {})])
    assert {path.name.split("-")[1] for path in files_of(folder)} == {"7", "9"}
    assert len(files_of(folder)) == 2 * len(before)
