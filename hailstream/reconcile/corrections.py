"""Rows that batch computed, written above what the stream said."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.duck.database import as_instants, open_database, rows_of
from hailstream.errors import HailstreamError
from hailstream.loader.version import Authority, pack
from hailstream.reconcile.columns import KeyedTable
from hailstream.reconcile.drift import EXTRA, WAITING
from hailstream.settings import Settings


def corrected_rows(table: KeyedTable, differing: pa.Table) -> pa.Table:
    """The rows of the raw table that put right what differs; a row that should not be is marked deleted.

    Args:
        differing: of :func:`hailstream.reconcile.drift.explained`.
    """
    # A deleted row keeps its values: the table has its constraints.
    values = (f"{column.stored_sql(_either(column.name))} AS {column.name}" for column in table.values)
    keys = (f"{column.stored_sql(column.name)} AS {column.name}" for column in table.key)
    query = f"SELECT {', '.join((*keys, *values))}, CAST(kind = '{EXTRA}' AS INTEGER) AS is_deleted FROM differing"
    with open_database({"differing": differing}, threads=1) as database:
        return as_instants(rows_of(database, f"{query} WHERE kind != '{WAITING}'"))


def _either(name: str) -> str:
    return f'CASE WHEN kind = \'{EXTRA}\' THEN "{name}_found" ELSE "{name}" END'


def write(table: KeyedTable, insert: Callable[[str], int], settings: Settings, run: int) -> int:
    """Publish the rows that correct a table; how many there were.

    They go to a table of the run first, from all tasks, and from there to the
    raw table in one statement.

    Args:
        insert: puts :func:`corrected_rows` into a table of that name, and says how many there are.

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
        written = insert(staged)
        _publish(table, staged, written, settings, run)
    finally:
        with suppress(HailstreamError), reachable(settings, database=settings.database) as client:
            client.command(f"DROP TABLE IF EXISTS {staged}")
    return written


def _publish(table: KeyedTable, staged: str, written: int, settings: Settings, run: int) -> None:
    with reachable(settings, database=settings.database) as client:
        there = int(client.command(f"SELECT count() FROM {staged}"))
        if there != written:
            raise HailstreamError(
                f"{there:,} of {written:,} corrections of {table.name} were staged; none is published",
                hint="run it again",
            )
        columns = (*(column.name for column in table.columns), "is_deleted")
        values = {name: name for name in columns} | {"version": str(pack(settings.generation, Authority.BATCH, run))}
        if table.generations:
            values["generation"] = str(settings.generation)
        client.command(
            f"INSERT INTO {table.raw} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {staged}"
            # Rows of many years are of more months, which tables are divided by, than are thought wise.
            " SETTINGS max_partitions_per_insert_block = 0"
        )


def insert_rows(staged: str, rows: pa.Table, settings: Settings) -> int:
    """Put rows into a table; how many there were.

    Raises:
        HailstreamError: ClickHouse cannot be reached or refuses.
    """
    if rows.num_rows:
        with reachable(settings, database=settings.database) as client:
            client.insert_arrow(staged, rows)
    return int(rows.num_rows)
