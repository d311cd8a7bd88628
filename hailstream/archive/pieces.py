"""The rows of an archive in pieces that a task holds at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from hailstream.archive.layout import may_hold
from hailstream.archive.months import beside, files_of, published_months
from hailstream.archive.store import Store, unreadable
from hailstream.topics import Topic

#: A file that is larger is read by some of its row groups at a time; smaller ones together, up to that.
PIECE_BYTES: Final = 16 * 2**20
#: What a row of a monthly file takes of it.
ROW_BYTES: Final = 64


@dataclass(frozen=True)
class Piece:
    """Rows of a file.

    Attributes:
        number: of the piece among those that were asked for together.
        path: of the file, as its file system wants it.
        size: of these rows in the file, about, in bytes.
        groups: its row groups; None: all.
    """

    number: int
    path: str
    size: int
    groups: tuple[int, ...] | None = None


def pieces_of(
    topic: Topic,
    store: Store,
    sizes: Mapping[str, int],
    begin: datetime | None,
    end: datetime | None,
    *,
    backfilled: bool = True,
) -> list[Piece]:
    """What may hold records of a span, ``end`` excluded.

    Args:
        sizes: the files of the log that count, below the store's folder, in bytes.
        backfilled: those of backfilled months too.

    Raises:
        HailstreamError: a file cannot be read, or the backfilled months cannot be listed.
    """
    months = beside(store)
    found = [(store.path(path), size) for path, size in sizes.items() if may_hold(path, begin, end)]
    if backfilled:
        filed = files_of(published_months(months), topic, begin, end)
        found += [(months.path(path), rows * ROW_BYTES) for path, rows in filed.items()]
    split = [(path, *part) for path, size in found for part in _parts(store.files, path, size)]
    return [Piece(number, *one) for number, one in enumerate(split)]


def _parts(files: pafs.FileSystem, path: str, size: int) -> list[tuple[int, tuple[int, ...] | None]]:
    """Sizes, and row groups one after the other: no more together than a piece holds, or one; None: all of the file."""
    if size <= PIECE_BYTES:
        return [(size, None)]
    try:
        footer = pq.read_metadata(path, filesystem=files)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error) from None
    a_row = size / max(1, footer.num_rows)
    sizes = {number: round(a_row * footer.row_group(number).num_rows) for number in range(footer.num_row_groups)}
    return [(sum(sizes[number] for number in part), tuple(part)) for part in _together(sizes, PIECE_BYTES)]


def tasks_of(pieces: Sequence[Piece], at_least: int) -> list[tuple[Piece, ...]]:
    """Pieces that are read together: files beside each other, so many tasks at least as far as there are files."""
    sizes = {piece.number: piece.size for piece in pieces}
    most = min(PIECE_BYTES, sum(sizes.values()) // max(1, at_least) + 1)
    by_number = {piece.number: piece for piece in pieces}
    return [tuple(by_number[number] for number in part) for part in _together(sizes, most)]


def _together(sizes: Mapping[int, int], most: int) -> Iterable[list[int]]:
    part: list[int] = []
    total = 0
    for number, size in sizes.items():
        if part and total + size > most:
            yield part
            part, total = [], 0
        part.append(number)
        total += size
    if part:
        yield part


def read_piece(files: pafs.FileSystem, piece: Piece, columns: Mapping[str, pa.DataType]) -> pa.Table:
    """Some columns of its rows by those types; one that the file has not is null.

    Raises:
        HailstreamError: the file cannot be read.
    """
    try:
        with pq.ParquetFile(piece.path, filesystem=files) as file:
            present = set(file.schema_arrow.names)
            groups = range(file.num_row_groups) if piece.groups is None else piece.groups
            read = file.read_row_groups(groups, [name for name in columns if name in present], use_threads=False)
            return pa.table(
                {
                    name: read[name].cast(held) if name in present else pa.nulls(read.num_rows, held)
                    for name, held in columns.items()
                }
            )
    except (OSError, pa.ArrowException) as error:
        raise unreadable(piece.path, error) from None
