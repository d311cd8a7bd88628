"""Parquet files as blocks of rows; columns that no event needs are not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.parquet as pq

from hailstream.errors import HailstreamError
from hailstream.replay.blocks import ROW, Block
from hailstream.replay.columns import BY_NAME, Kind
from hailstream.replay.layouts import Layout, named_layout

MAGIC = b"PAR1"
_BATCH_ROWS = 131_072


def check_parquet(path: Path) -> int:
    """The number of rows of a Parquet file whose head, footer and metadata can be read.

    Raises:
        HailstreamError: it is none, or is damaged.
    """
    with _open(path) as file:
        return int(file.metadata.num_rows)


def parquet_layout(path: Path) -> Layout:
    """The layout of a Parquet file.

    Raises:
        HailstreamError: damaged, no layout that is known, or a time column that holds no times.
    """
    with _open(path) as file:
        schema = file.schema_arrow
    layout = named_layout(str(path), schema.names)
    for name, position in layout.columns.items():
        kind, held = BY_NAME[name].kind, schema.field(position).type
        if not _readable(kind, held):
            raise HailstreamError(f"{path}: column {schema.names[position]} holds {held}, not {kind.value}")
    return layout


def parquet_blocks(path: Path, layout: Layout, wanted: range | None = None) -> Iterator[Block]:
    """The rows of ``path`` in the order they stand there.

    Args:
        wanted: which of them, counted from 0; None: all.

    Raises:
        HailstreamError: damaged.
    """
    torn = pl.DataFrame(schema={ROW: pl.Int64, "text": pl.String})
    with _open(path) as file:
        names = [file.schema_arrow.names[position] for position in layout.columns.values()]
        groups, next_row = _groups(file, wanted)
        batches = file.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups, columns=names)
        while (batch := _next(batches, path)) is not None:
            first = next_row
            next_row += batch.num_rows
            if wanted is not None:
                if first >= wanted.stop:
                    return
                begin = max(wanted.start - first, 0)
                batch = batch.slice(begin, wanted.stop - first - begin)
                first += begin
                if not batch.num_rows:
                    continue
            frame = pl.DataFrame(pl.from_arrow(batch)).with_columns(cs.by_dtype(pl.Categorical).cast(pl.String))
            rows = frame.select(**{ours: pl.col(theirs) for ours, theirs in zip(layout.columns, names, strict=True)})
            yield Block(rows.with_row_index(ROW, first + 1).with_columns(pl.col(ROW).cast(pl.Int64)), torn)


def parquet_column(path: Path, name: str) -> pl.Series | None:
    """A column whole; None where the file has none of that name.

    Raises:
        HailstreamError: damaged.
    """
    with _open(path) as file:
        if name not in file.schema_arrow.names:
            return None
        try:
            return pl.DataFrame(pl.from_arrow(file.read(columns=[name])))[name]
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from None


def _groups(file: pq.ParquetFile, wanted: range | None) -> tuple[list[int], int]:
    """The row groups that may hold wanted rows, and the number, from 0, of the first row of the first of them."""
    groups: list[int] = []
    begin = first = 0
    for number in range(file.metadata.num_row_groups):
        end = first + file.metadata.row_group(number).num_rows
        if wanted is None or (first < wanted.stop and end > wanted.start):
            begin = begin if groups else first
            groups.append(number)
        first = end
    return groups, begin


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


def _next(batches: Iterator[pa.RecordBatch], path: Path) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> HailstreamError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return HailstreamError(f"{path}: no Parquet file, or a damaged one: {reason}", hint="download it again")


def _readable(kind: Kind, held: pa.DataType) -> bool:
    if pa.types.is_null(held) or pa.types.is_string(held) or pa.types.is_large_string(held):
        return True
    if pa.types.is_dictionary(held):
        return _readable(kind, held.value_type)
    if kind is Kind.TIME:
        return bool(pa.types.is_timestamp(held))
    number = pa.types.is_integer(held) or pa.types.is_floating(held) or pa.types.is_decimal(held)
    return bool(number)
