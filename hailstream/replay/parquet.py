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


def parquet_blocks(path: Path, layout: Layout) -> Iterator[Block]:
    """The rows of ``path`` in the order they stand there.

    Raises:
        HailstreamError: damaged.
    """
    torn = pl.DataFrame(schema={ROW: pl.Int64, "text": pl.String})
    next_row = 1
    with _open(path) as file:
        names = [file.schema_arrow.names[position] for position in layout.columns.values()]
        batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=names)
        while (batch := _next(batches, path)) is not None:
            frame = pl.DataFrame(pl.from_arrow(batch)).with_columns(cs.by_dtype(pl.Categorical).cast(pl.String))
            rows = frame.select(**{ours: pl.col(theirs) for ours, theirs in zip(layout.columns, names, strict=True)})
            yield Block(rows.with_row_index(ROW, next_row).with_columns(pl.col(ROW).cast(pl.Int64)), torn)
            next_row += frame.height


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
