"""Rows that batch computed, written above what the stream said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.loader.version import Authority, pack
from hailstream.reconcile.drift import KEY
from hailstream.settings import Settings
from hailstream.windows import WindowedMetric

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_DIGITS: Final = {2: 18, 4: 22}


def corrected_rows(metric: WindowedMetric, differing: DataFrame) -> DataFrame:
    """The rows of the metric's raw table that put right what differs; a row that should not be is marked deleted."""
    from pyspark.sql import functions as f

    deleted = f.col("kind") == "extra"
    scales = {measure.name: measure.scale for measure in metric.measures}
    columns = []
    for name in metric.numbers:
        # Of a deleted row the numbers do not matter, but the table wants some.
        value = f.coalesce(f.col(name), f.lit(0))
        scale = scales.get(name, 0)
        if scale:
            unit = f.lit(10**-scale).cast(f"decimal({scale + 1}, {scale})")
            value = (value.cast("decimal(19, 0)") * unit).cast(f"decimal({_DIGITS[scale]}, {scale})")
        columns.append(value.alias(name))
    return differing.select(
        f.col("zone_id").cast("int").alias("zone_id"),
        *(f.timestamp_millis(name).alias(name) for name in KEY[1:]),
        *columns,
        deleted.cast("int").alias("is_deleted"),
    )


def write(metric: WindowedMetric, rows: DataFrame, settings: Settings, run: int) -> int:
    """Insert the rows; how many there were.

    They go to a table of the run first, from all tasks, and from there to the
    metric's in one statement.

    Raises:
        HailstreamError: ClickHouse cannot be reached or refuses; nothing is seen of the rows that were staged.
    """
    raw, staged = f"{metric.name}_raw", f"{metric.name}_run_{run}"
    with reachable(settings, database=settings.database) as client:
        client.command(f"DROP TABLE IF EXISTS {staged}")
        client.command(
            f"CREATE TABLE {staged} AS {raw} ENGINE = MergeTree ORDER BY (window_start, zone_id, window_end)"
        )
    try:
        written = int(
            rows.mapInArrow(_insert(staged, settings), "rows long").groupBy().sum("rows").collect()[0][0] or 0
        )
        with reachable(settings, database=settings.database) as client:
            there = int(client.command(f"SELECT count() FROM {staged}"))
            if there != written:
                raise HailstreamError(
                    f"{there:,} of {written:,} corrections of {metric.name} were staged; none is published",
                    hint="run it again",
                )
            columns = ", ".join(rows.columns)
            version = pack(settings.generation, Authority.BATCH, run)
            client.command(
                f"INSERT INTO {raw} ({columns}, generation, version)"
                f" SELECT {columns}, {settings.generation}, {version} FROM {staged}"
            )
    finally:
        with suppress(HailstreamError), reachable(settings, database=settings.database) as client:
            client.command(f"DROP TABLE IF EXISTS {staged}")
    return written


def _insert(table: str, settings: Settings) -> Any:
    def insert(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = 0
        with reachable(settings, database=settings.database) as client:
            for batch in batches:
                if batch.num_rows:
                    client.insert_arrow(table, pa.Table.from_batches([batch]))
                    rows += batch.num_rows
        yield pa.record_batch({"rows": pa.array([rows], pa.int64())})

    return insert
