"""Columns of values as Avro bytes: a whole column at a time, with numpy.

Each function gives a :class:`Cells`: for every row the length of its bytes,
and the bytes themselves, ready to be laid into messages side by side. The
bytes are those of fastavro's writer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_VARINT_MAX = 10  # bytes of a 64-bit varint
_CENTS_MAX = 8  # bytes of a 64-bit two's complement


@dataclass(frozen=True)
class Cells:
    """Bytes of one column: row ``i`` has the next ``lengths[i]`` bytes of ``data``."""

    lengths: Ints
    data: Bytes


def padded(matrix: Bytes, lengths: Ints) -> Cells:
    """Cells from rows of equal width, of which only the first ``lengths[i]`` bytes count."""
    width = matrix.shape[1]
    if lengths.size and int(lengths.min()) == width:
        return Cells(lengths, matrix.reshape(-1))
    return Cells(lengths, matrix[np.arange(width) < lengths[:, None]])


def varints(values: Ints) -> Cells:
    """Avro ``int`` and ``long``: zigzag, then 7 bits a byte, least significant first."""
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    lengths = np.ones(len(values), np.int64)
    for more in range(1, _VARINT_MAX):
        longer = zigzag >= np.uint64(1 << (7 * more))
        if not longer.any():
            break
        lengths += longer
    width = int(lengths.max(initial=1))
    matrix = np.empty((len(values), width), np.uint8)
    for place in range(width):
        group = (zigzag >> np.uint64(7 * place)).astype(np.uint8) & 0x7F
        matrix[:, place] = group | ((lengths > place + 1).astype(np.uint8) << 7)
    return padded(matrix, lengths)


def doubles(values: npt.NDArray[np.float64]) -> Cells:
    """Avro ``double``: eight bytes, little-endian."""
    matrix = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    return padded(matrix, np.full(len(values), 8, np.int64))


def booleans(values: npt.NDArray[np.bool_]) -> Cells:
    """Avro ``boolean``: one byte."""
    return Cells(np.ones(len(values), np.int64), values.astype(np.uint8))


def decimals(unscaled: Ints) -> Cells:
    """Avro ``bytes`` with logical type decimal: length, then two's complement, big-endian.

    As many bytes as fastavro takes: the magnitude's bits and one for the sign.
    """
    magnitude = np.abs(unscaled).view(np.uint64)  # of -2**63 too
    size = np.ones(len(unscaled), np.int64)
    for more in range(1, _CENTS_MAX):
        size += magnitude >= np.uint64(1 << (8 * more - 1))
    width = int(size.max(initial=1))
    matrix = np.empty((len(unscaled), width + 1), np.uint8)
    matrix[:, 0] = size << 1  # the length as a zigzag varint of one byte
    for place in range(width):
        shift = np.maximum(size - 1 - place, 0) << 3
        matrix[:, place + 1] = (unscaled >> shift).astype(np.uint8)
    return padded(matrix, size + 1)


def blobs(values: pl.Series) -> Cells:
    """Avro ``string`` and ``bytes``: length as a varint, then the bytes. No nulls allowed."""
    array = values.cast(pl.Binary).rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    sizes = np.diff(offsets)
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]] if data_buffer else np.empty(0, np.uint8)
    return side_by_side([varints(sizes), Cells(sizes, data)], len(array))


def nullable(cells: Cells, valid: npt.NDArray[np.bool_], null_branch: int) -> Cells:
    """A union of null and another type: the branch's number, then the value unless it is null.

    Args:
        cells: of the rows that are not null only.
        null_branch: 0 or 1, where null stands in the union.
    """
    rows = len(valid)
    tags = np.where(valid, np.uint8((1 - null_branch) << 1), np.uint8(null_branch << 1))
    if cells.lengths.size == rows:
        values = cells
    else:
        lengths = np.zeros(rows, np.int64)
        lengths[valid] = cells.lengths
        values = Cells(lengths, cells.data)
    return side_by_side([Cells(np.ones(rows, np.int64), tags), values], rows)


def starts(lengths: Ints) -> Ints:
    """Where each row's bytes begin, and at the end where the last one's end."""
    out = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=out[1:])
    return out


def side_by_side(columns: list[Cells], rows: int) -> Cells:
    """Each row's bytes of the first column, then of the second, and so on."""
    lengths = np.zeros(rows, np.int64)
    for column in columns:
        lengths = lengths + column.lengths
    at = starts(lengths)
    out = np.empty(int(at[-1]), np.uint8)
    place = at[:-1].copy()
    for column in columns:
        _scatter(out, place, column)
        place += column.lengths
    return Cells(lengths, out)


def _scatter(out: Bytes, place: Ints, column: Cells) -> None:
    """Lay each row's bytes at its place."""
    if not column.data.size:
        return
    width = int(column.lengths[0])
    if (column.lengths == width).all():
        rows = column.data.reshape(-1, width)
        for byte in range(width):
            out[place + byte] = rows[:, byte]
        return
    shift = place - starts(column.lengths)[:-1]
    out[np.repeat(shift, column.lengths) + np.arange(column.data.size)] = column.data
