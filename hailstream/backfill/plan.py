"""Which months a command's files are of, and what one task reads of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Final

import polars as pl

from hailstream.backfill.files import MonthlyFile
from hailstream.errors import HailstreamError
from hailstream.replay.parquet import check_parquet, parquet_column
from hailstream.replay.tlc import months_in

#: Column that tells the month of each row of a file of several.
MONTH_COLUMN: Final = "source_month"
#: Rows of a Parquet file that one task reads, about.
TASK_ROWS: Final = 500_000
_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
#: More stretches of one month than this are a file whose months are mixed.
_MOST_STRETCHES: Final = 24


@dataclass(frozen=True)
class MonthOfFile:
    """What a file has of a month.

    Attributes:
        name: kind of trips and month: ``yellow-2018-01``.
        stretches: rows of a Parquet file that are of the month, counted from 0; none: the whole file.
    """

    name: str
    file: MonthlyFile
    stretches: tuple[range, ...] = ()

    @property
    def pieces(self) -> list[range | None]:
        """What one task each reads: rows, or the whole file (a text file has no rows that one could begin with)."""
        if not self.file.input.is_parquet:
            return [None]
        cut: list[range | None] = []
        for rows in self.stretches:
            tasks = max(1, ceil(len(rows) / TASK_ROWS))
            edges = [rows.start + len(rows) * number // tasks for number in range(tasks + 1)]
            cut += [range(first, last) for first, last in pairwise(edges)]
        return cut


def months_of(file: MonthlyFile, given: str | None = None) -> list[MonthOfFile]:
    """The months that a file is of: by ``given``, by its column ``source_month``, or by its name.

    Raises:
        HailstreamError: nothing tells the month, or the rows of several are mixed.
    """
    label = file.input.layout.label
    rows = check_parquet(file.path) if file.input.is_parquet else 0
    if given is None and file.input.is_parquet:
        column = parquet_column(file.path, MONTH_COLUMN)
        if column is not None:
            return _by_column(file, column)
    if given is None:
        named = months_in(file.path.name)
        if len(named) != 1:
            what = f"names {len(named)} months" if named else "names no month"
            raise HailstreamError(
                f"{file.path}: {what}",
                hint=f"give its month (--month 2024-01), or a Parquet file with a column {MONTH_COLUMN}",
            )
        [given] = named
    return [MonthOfFile(f"{label}-{given}", file, (range(rows),) if file.input.is_parquet else ())]


def month(text: str) -> str:
    """``text`` where it is a month such as 2024-01.

    Raises:
        ValueError: it is none.
    """
    if not _MONTH.fullmatch(text):
        raise ValueError(f"{text!r} is no month; give one such as 2024-01")
    return text


def without_rivals(found: Iterable[MonthOfFile]) -> list[MonthOfFile]:
    """One file for each month, by name of the month: of copies the first.

    Raises:
        HailstreamError: two files of different content are of one month; names both.
    """
    chosen: dict[str, MonthOfFile] = {}
    rivals: dict[str, list[str]] = {}
    for one in found:
        first = chosen.setdefault(one.name, one)
        if first.file.content != one.file.content:
            rivals.setdefault(one.name, [first.file.source]).append(one.file.source)
    if rivals:
        named = "; ".join(f"{name}: {' and '.join(files)}" for name, files in sorted(rivals.items())[:5])
        more = f" and {len(rivals) - 5} more months" if len(rivals) > 5 else ""
        raise HailstreamError(
            f"several files claim a month: {named}{more}",
            hint="a month is replaced as a whole: give one file for each; nothing was changed",
        )
    return [chosen[name] for name in sorted(chosen)]


def _by_column(file: MonthlyFile, column: pl.Series) -> list[MonthOfFile]:
    texts = column.dt.strftime("%Y-%m") if column.dtype.is_temporal() else column.cast(pl.String)
    runs = texts.rle().struct.unnest()
    stretches: dict[str, list[range]] = {}
    first = 0
    for length, text in runs.select("len", "value").iter_rows():
        if text is None or not _MONTH.fullmatch(text):
            raise HailstreamError(
                f"{file.path}: row {first + 1:,}: {MONTH_COLUMN} is {text!r}, no month such as 2024-01"
            )
        stretches.setdefault(text, []).append(range(first, first + length))
        first += length
    mixed = [text for text, found in stretches.items() if len(found) > _MOST_STRETCHES]
    if mixed:
        raise HailstreamError(
            f"{file.path}: the rows of {mixed[0]} are in {len(stretches[mixed[0]]):,} stretches between others",
            hint=f"sort it by {MONTH_COLUMN}",
        )
    label = file.input.layout.label
    return [MonthOfFile(f"{label}-{text}", file, tuple(found)) for text, found in stretches.items()]


def grouped(months: Sequence[MonthOfFile], most_rows: int) -> list[list[MonthOfFile]]:
    """The months in groups that are worked off one after the other; none is cut."""
    groups: list[list[MonthOfFile]] = [[]]
    size = 0
    for one in months:
        # A text file tells no number of rows; its bytes do, about.
        rows = sum(map(len, one.stretches)) or one.file.path.stat().st_size // 100
        if groups[-1] and size + rows > most_rows:
            groups.append([])
            size = 0
        groups[-1].append(one)
        size += rows
    return [group for group in groups if group]
