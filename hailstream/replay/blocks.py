"""Rows of a file as they stand there, a block at a time."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

#: Names of a block's columns that are no column of the file.
ROW = "row"
LINE = "line"

REJECT_SCHEMA = {ROW: pl.Int64, "reason": pl.String, "column": pl.String, "text": pl.String}


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a file.

    Attributes:
        rows: ``row`` (line of a text file, row of a Parquet file, from 1), our columns as the
            file has them, and for text files ``line``, the original.
        torn: ``row`` and ``text`` of lines that have not the fields of a row.
    """

    rows: pl.DataFrame
    torn: pl.DataFrame


def originals(rows: pl.DataFrame) -> pl.DataFrame:
    """``row`` and ``text``: what the file says in these rows of a block."""
    if LINE in rows.columns:
        return rows.select(ROW, text=LINE)
    return rows.select(ROW, text=pl.struct(pl.exclude(ROW)).struct.json_encode())
