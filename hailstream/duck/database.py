"""A database in memory for one computation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hailstream.errors import HailstreamError

_MACROS: Final = (
    "CREATE MACRO unix_millis(moment) AS epoch_ms(moment)",
    # Times before 1970 have their remainder too.
    "CREATE MACRO pmod(value, divisor) AS ((value % divisor) + divisor) % divisor",
)


@contextmanager
def open_database(views: Mapping[str, pa.Table], *, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with some tables; closed in the end.

    Args:
        threads: None: one for each core. In a task of Spark 1: it runs a task for each core.

    Raises:
        HailstreamError: a query failed: the memory is full, a sum too large.
    """
    config: dict[str, str | bool | int | float | list[str]] = {"temp_directory": ""}
    if threads is not None:
        config["threads"] = threads
    try:
        with duckdb.connect(config=config) as database:
            for macro in _MACROS:
                database.execute(macro)
            for name, rows in views.items():
                database.register(name, rows)
            yield database
    except duckdb.Error as error:
        raise HailstreamError(
            f"a table cannot be computed: {error}",
            hint="where memory was full: give more to each worker, or ask for a shorter range",
        ) from None


def rows_of(database: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """What a query gives."""
    rows: pa.Table = database.sql(query).to_arrow_table()
    return rows


def as_instants(rows: pa.Table) -> pa.Table:
    """With times that say that they are UTC, as all are."""
    for number, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is None:
            rows = rows.set_column(number, field.name, pc.assume_timezone(rows[number], "UTC"))
    return rows
