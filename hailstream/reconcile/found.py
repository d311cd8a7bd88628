"""What ClickHouse has of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.domain.millis import to_ms
from hailstream.errors import HailstreamError
from hailstream.loader.version import generation_sql
from hailstream.reconcile.columns import KeyedTable
from hailstream.reconcile.spans import Span, bounds, pieces_of
from hailstream.settings import Settings

#: How much one query asks for at least, and about how many rows where there are few.
_PIECE: Final = timedelta(hours=6)
_PIECE_ROWS: Final = 50_000
#: A task more costs more than the few pieces of a long range that it spares another one.
_MOST_TASKS: Final = 64
_IN_RANGE: Final = (
    "said.{by} > fromUnixTimestamp64Milli({{begin:Int64}}) AND said.{by} <= fromUnixTimestamp64Milli({{end:Int64}})"
)


def found_rows(table: KeyedTable, settings: Settings, spans: Iterable[Span]) -> pa.Table:
    """The rows whose time is in the ranges, as they are compared, and ``generation``.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    by, earlier = table.read_by
    selected = ", ".join(f"{column.found_sql} AS {column.name}" for column in table.columns)
    query = (
        f"SELECT {selected}, {generation_sql()} AS generation FROM {table.raw} AS said FINAL"
        # `said`: not the columns that are selected under the same names.
        f" WHERE {_IN_RANGE.format(by=by)} SETTINGS do_not_merge_across_partitions_select_final = 1"
    )
    schema = found_schema(table)
    tables = [schema.empty_table()]
    with reachable(settings, database=settings.database) as client:
        for begin, end in spans:
            asked = {"begin": to_ms(begin) - earlier, "end": to_ms(end) - earlier}
            tables.append(client.query_arrow(query, asked).select(schema.names).cast(schema))
    return pa.concat_tables(tables)


def found_schema(table: KeyedTable) -> pa.Schema:
    """Of :func:`found_rows`."""
    return pa.schema([*(column.arrow for column in table.columns), pa.field("generation", pa.int32())])


def found_tasks(table: KeyedTable, settings: Settings, spans: Sequence[Span]) -> list[list[Span]]:
    """What one task each asks for: the ranges cut up, the finer the more rows there are; none where there is none.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    by, earlier = table.read_by
    begin, end = bounds(spans)
    with reachable(settings, database=settings.database) as client:
        asked = {"begin": to_ms(begin) - earlier, "end": to_ms(end) - earlier}
        query = f"SELECT count() FROM {table.raw} AS said WHERE {_IN_RANGE.format(by=by)}"
        rows = int(client.query(query, asked).result_rows[0][0])
    if not rows:
        return []
    finest = pieces_of(spans, _PIECE)
    pieces = pieces_of(spans, _PIECE * max(1, _PIECE_ROWS * len(finest) // rows))
    together = -(-len(pieces) // _MOST_TASKS)
    return [pieces[first : first + together] for first in range(0, len(pieces), together)]


def require_no_newer_generation(table: KeyedTable, settings: Settings, spans: Sequence[Span]) -> None:
    """Refuse to compare with rows of a definition that came after this one.

    Raises:
        HailstreamError: there are such rows: corrections would be outranked, and their differences are meant.
    """
    by, earlier = table.read_by
    begin, end = bounds(spans)
    query = f"SELECT max({generation_sql()}) FROM {table.raw} AS said WHERE {_IN_RANGE.format(by=by)}"
    with reachable(settings, database=settings.database) as client:
        asked = {"begin": to_ms(begin) - earlier, "end": to_ms(end) - earlier}
        newest = int(client.query(query, asked).result_rows[0][0])
    if newest > settings.generation:
        raise HailstreamError(
            f"{table.name} has rows of generation {newest}, and this is generation {settings.generation}: "
            "what it wrote would be outranked",
            hint=f"run the program that wrote them, with HAILSTREAM_GENERATION={newest}",
        )
