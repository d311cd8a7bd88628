"""Rows that batch computed, written above what the stream said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.loader.version import Authority, pack
from hailstream.reconcile.columns import KeyedTable
from hailstream.reconcile.drift import EXTRA, differs
from hailstream.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def corrected_rows(table: KeyedTable, compared: DataFrame) -> DataFrame:
    """The rows of the raw table that put right what differs; a row that should not be is marked deleted.

    Args:
        compared: of :func:`hailstream.reconcile.drift.compare`.
    """
    from pyspark.sql import functions as f

    extra = f.col("kind") == EXTRA
    # A deleted row keeps its values: the table has its constraints.
    values = (
        column.stored(f.when(extra, f.col(f"{column.name}_found")).otherwise(f.col(column.name))).alias(column.name)
        for column in table.values
    )
    return compared.where(differs()).select(
        *(column.stored(f.col(column.name)).alias(column.name) for column in table.key),
        *values,
        extra.cast("int").alias("is_deleted"),
    )


def write(table: KeyedTable, rows: DataFrame, settings: Settings, run: int) -> int:
    """Insert the rows; how many there were.

    They go to a table of the run first, from all tasks, and from there to the
    raw table in one statement.

    Raises:
        HailstreamError: ClickHouse cannot be reached or refuses; nothing is seen of the rows that were staged.
    """
    staged = f"{table.name}_run_{run}"
    with reachable(settings, database=settings.database) as client:
        # Those of runs that died; no other run is at work.
        query = "SELECT name FROM system.tables WHERE database = {database:String} AND startsWith(name, {begin:String})"
        left = client.query(query, {"database": settings.database, "begin": f"{table.name}_run_"}).result_rows
        for (name,) in left:
            client.command(f"DROP TABLE {name}")
        client.command(
            f"CREATE TABLE {staged} AS {table.raw} ENGINE = MergeTree PARTITION BY tuple()"
            f" ORDER BY ({', '.join(table.keys)})"
        )
    try:
        written = int(
            rows.mapInArrow(_insert(staged, settings), "rows long").groupBy().sum("rows").collect()[0][0] or 0
        )
        _publish(table, staged, rows.columns, written, settings, run)
    finally:
        with suppress(HailstreamError), reachable(settings, database=settings.database) as client:
            client.command(f"DROP TABLE IF EXISTS {staged}")
    return written


def _publish(table: KeyedTable, staged: str, columns: list[str], written: int, settings: Settings, run: int) -> None:
    with reachable(settings, database=settings.database) as client:
        there = int(client.command(f"SELECT count() FROM {staged}"))
        if there != written:
            raise HailstreamError(
                f"{there:,} of {written:,} corrections of {table.name} were staged; none is published",
                hint="run it again",
            )
        values = {name: name for name in columns} | {"version": str(pack(settings.generation, Authority.BATCH, run))}
        if table.generations:
            values["generation"] = str(settings.generation)
        client.command(
            f"INSERT INTO {table.raw} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {staged}"
            # Rows of many years are of more months, which tables are divided by, than are thought wise.
            " SETTINGS max_partitions_per_insert_block = 0"
        )


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
