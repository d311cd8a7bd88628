"""Staging that Spark's tasks write: every row once, whatever attempts have left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from hailstream.curate import staging
from hailstream.curate.staging import write_staging

if TYPE_CHECKING:
    import pytest
    from pyspark.sql import SparkSession


def test_files_of_attempts_that_do_not_count_are_deleted(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_AT_ONCE", 5)
    folder = tmp_path / "month=2024-02-01" / "date=2024-02-01" / "time_of_day=night"
    # Of a month that was written before, in the same run.
    folder.mkdir(parents=True)
    (folder / "part-7-0-0.parquet").write_bytes(b"earlier")
    stray = str(folder / "part-100000-0-0.parquet")

    def leaves_a_torn_file(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        Path(stray).write_bytes(b"torn")
        yield from batches

    rows = [(f"trip {n}", date(2024, 1, 1), date(2024, 1, 1 + n % 2), "night") for n in range(40)]
    schema = "trip_id string, month date, date date, time_of_day string"
    frame = spark.createDataFrame(rows, schema).repartition(3)
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "3")
    try:
        write_staging(frame.mapInArrow(leaves_a_torn_file, schema), str(tmp_path))
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert [path.name for path in folder.iterdir()] == ["part-7-0-0.parquet"]
    written = sorted((tmp_path / "month=2024-01-01").rglob("*.parquet"))
    assert len(written) > 2 * 3
    assert sorted(pl.read_parquet(written)["trip_id"]) == sorted(row[0] for row in rows)
