"""Rows ready for the store, whatever layout they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from hailstream.replay.blocks import Block
from hailstream.replay.columns import COLUMNS, Kind
from hailstream.replay.rejects import Check

#: ``emits`` of a stored row: which events it gives, as bits.
EMITS_START, EMITS_END = 1, 2

#: Columns that come over from a file as they are.
CARRIED: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind is not Kind.TIME)


@dataclass(frozen=True)
class Span:
    """Which event times are wanted (start <= time < until), and how late it is now; all UTC."""

    start: datetime | None
    until: datetime | None
    now: datetime

    def holds(self, column: str) -> pl.Expr:
        """Whether the time in ``column`` is wanted; false when it is null."""
        wanted = pl.col(column).is_not_null()
        if self.start is not None:
            wanted &= pl.col(column) >= self.start
        if self.until is not None:
            wanted &= pl.col(column) < self.until
        return wanted

    def checks(self, column: str) -> tuple[Check, Check]:
        """That the time in ``column`` is one a record of today can carry."""
        return (
            Check(pl.col(column).dt.epoch("ms") < 0, "before_1970", column),
            Check(pl.col(column) > self.now, "future", column),
        )


@dataclass(frozen=True)
class Read:
    """What became of a block.

    Attributes:
        rows: accepted rows with ``row``; those of trips and rides have ``emits``.
        rejects: the others, as ``REJECT_SCHEMA``.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame

    def up_to(self, row: int) -> Read:
        """The part that stands in the file's first ``row`` rows."""
        return Read(self.rows.filter(pl.col("row") <= row), self.rejects.filter(pl.col("row") <= row))


#: Reads a block of one layout.
Reader = Callable[[Block, Path, Span], Read]


def torn_rejects(block: Block) -> pl.DataFrame:
    """Lines that have not the fields of a row, as rejects."""
    return block.torn.select(
        "row", pl.lit("field_count").alias("reason"), pl.lit(None, pl.String).alias("column"), "text"
    )
