"""Text files, plain or gzip, as blocks of rows with their line numbers.

Every line that is not blank is either a row with the right number of fields
or reported as torn: a general CSV reader would drop, pad or join such lines
without an account of them.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from hailstream.errors import HailstreamError
from hailstream.replay.blocks import LINE, ROW, Block
from hailstream.replay.layouts import Layout, bare_layout, named_layout

_GZIP_MAGIC = b"\x1f\x8b"
_BLOCK_BYTES = 8 << 20
_FIRST_BYTES = 64 << 10
# Stands between fields where a line has quotes, so that a quoted comma stays.
_UNIT_SEPARATOR = "\x1f"


def open_text(path: Path) -> BinaryIO:
    """The bytes of ``path``, decompressed when it is gzip, whatever its name says.

    Raises:
        HailstreamError: cannot be opened, is called .gz but is not gzip, or is an archive.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start.startswith(_GZIP_MAGIC):
            return cast(BinaryIO, gzip.open(path, "rb"))
        if path.suffix == ".gz":
            raise HailstreamError(f"{path}: called .gz but is not gzip", hint="download it again, or rename it")
        if start.startswith(b"PK\x03\x04"):
            raise HailstreamError(f"{path}: a zip archive", hint="unpack it and give the files in it")
        return path.open("rb")
    except OSError as error:
        raise HailstreamError(f"{path}: cannot be read: {error.strerror or error}") from None


def text_layout(path: Path) -> Layout:
    """The layout of a text file.

    Raises:
        HailstreamError: empty, an archive, or no layout that is known.
    """
    with open_text(path) as file:
        start = _read(file, _FIRST_BYTES, path)
    if not start.strip():
        raise HailstreamError(f"{path}: empty")
    if start[257:262] == b"ustar":
        raise HailstreamError(f"{path}: a tar archive", hint="unpack it and give the files in it")
    lines = start.decode("utf-8-sig", "replace").splitlines()
    rows = [_fields(line) for line in lines if line.strip()]
    try:
        return named_layout(str(path), rows[0])
    except HailstreamError:
        # Without a header the rows have to show what they are; where there is one, a row may look like anything.
        bare = bare_layout(rows[:20])
        if bare is None:
            raise
        return bare


def text_blocks(path: Path, layout: Layout) -> Iterator[Block]:
    """The rows of ``path`` in the order they stand there.

    Raises:
        HailstreamError: not readable to its end.
    """
    header_due = layout.has_header
    next_row = 1
    with open_text(path) as file:
        for chunk in _line_chunks(file, path):
            text = chunk.decode("utf-8", "replace").removesuffix("\n")
            lines = pl.DataFrame({LINE: pl.Series([text]).str.split("\n").explode()})
            frame = lines.with_row_index(ROW, next_row).with_columns(pl.col(ROW).cast(pl.Int64))
            next_row += frame.height
            if b"\r" in chunk:
                frame = frame.with_columns(pl.col(LINE).str.strip_chars_end("\r"))
            if header_due:
                frame, header_due = _without_header(frame)
            yield _block(frame, layout, quoted=b'"' in chunk)


def _without_header(frame: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """The lines after the first that is not blank, and whether that one is still to come."""
    lines = (frame[LINE].str.strip_chars() != "").arg_true()
    return (frame.clear(), True) if lines.is_empty() else (frame.slice(lines[0] + 1), False)


def _block(frame: pl.DataFrame, layout: Layout, *, quoted: bool) -> Block:
    separator = ","
    text = pl.col(LINE)
    if quoted:
        separator = _UNIT_SEPARATOR
        text = text.map_elements(_unquote, return_dtype=pl.String)
    frame = frame.with_columns(fields=text.str.split(separator))
    count = pl.col("fields").list.len()
    # Files of 2016 have more fields than names; the surplus is blank, so no value can stand in the wrong column.
    surplus = pl.col("fields").list.slice(layout.width).list.join("").str.strip_chars() == ""
    whole = (count == layout.width) | ((count > layout.width) & surplus)
    odd = frame.filter(count != layout.width)
    if odd.height:
        frame = frame.filter(whole)
    torn = odd.filter(~whole & (pl.col(LINE).str.strip_chars() != "")).select(ROW, text=LINE)
    columns = [pl.col("fields").list.get(position).alias(name) for name, position in layout.columns.items()]
    return Block(frame.lazy().select(ROW, LINE, *columns).collect(), torn)


def _unquote(line: str) -> str:
    fields = _fields(line) if '"' in line else line.split(",")
    return _UNIT_SEPARATOR.join(fields)


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return [line]


def _line_chunks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """The bytes cut after a line break, so that no line is in two chunks."""
    rest = _read(file, len(BOM_UTF8), path).removeprefix(BOM_UTF8)
    while data := _read(file, _BLOCK_BYTES, path):
        data = rest + data
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) < 4 * _BLOCK_BYTES:
            rest = data
            continue
        # A "line" longer than four blocks is no line: let it go, as torn.
        end = end or len(data)
        rest = data[end:]
        yield data[:end]
    if rest:
        yield rest


def _read(file: BinaryIO, size: int, path: Path) -> bytes:
    try:
        return file.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise HailstreamError(
            f"{path}: the compressed data is damaged or ends too soon ({error})", hint="download it again"
        ) from None
    except OSError as error:
        raise HailstreamError(f"{path}: cannot be read: {error.strerror or error}") from None
