"""Many Avro messages of one schema read at once into columns.

Messages without their framing, joined, are the block of an Avro container
file. With a container header before them polars reads them some fifty times
faster than one at a time. But a container does not say where a message ends,
and polars panics on broken bytes. So all messages are first walked through
together, field by field, with one cursor for each: a message is well formed
when its cursor never leaves it and stops exactly at its end. Only such
messages go into the block; a broken one costs nothing and no neighbour is
misread.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SYNC = b"hailstream-block"  # 16 bytes
_FIXED = {"boolean": 1, "float": 4, "double": 8}
_MAX_VARINT = {"int": 5, "long": 10}
_INTEGERS = frozenset({"int", "long"})


class Unreadable(Exception):
    """The block could not be read; nothing is known about a single message."""


@dataclass(frozen=True)
class BlockSchema:
    """A record schema whose messages can be read as blocks."""

    fields: tuple[tuple[str, Any], ...]
    header: bytes

    @classmethod
    def of(cls, schema: dict[str, Any]) -> BlockSchema | None:
        """The block form of an Avro record schema; None when it has a type that blocks do not cover."""
        fields = tuple((f["name"], f["type"]) for f in schema["fields"])
        if schema.get("type") != "record" or not all(_is_supported(kind) for _, kind in fields):
            return None
        header = io.BytesIO()
        fastavro.writer(header, fastavro.parse_schema(dict(schema)), [], codec="null", sync_marker=_SYNC)
        return cls(fields, header.getvalue())


def well_formed(schema: BlockSchema, payloads: Sequence[bytes]) -> Flags:
    """For each payload, whether it is one record of the schema from its first byte to its last."""
    ends = np.cumsum(np.fromiter(map(len, payloads), dtype=np.int64, count=len(payloads)))
    walk = _Walk(b"".join(payloads), ends)
    for _, kind in schema.fields:
        walk.field(kind, np.flatnonzero(walk.fine))
    result: Flags = walk.fine & (walk.cursor == ends)
    return result


def read_block(schema: BlockSchema, payloads: Sequence[bytes]) -> pl.DataFrame:
    """The rows of well-formed payloads, in order.

    Raises:
        Unreadable: a payload has a value that polars does not take (text that is
            not UTF-8, a decimal beyond 128 bits); it is not known which.
    """
    body = b"".join(payloads)
    container = b"".join((schema.header, _zigzag(len(payloads)), _zigzag(len(body)), body, _SYNC))
    try:
        frame = pl.read_avro(io.BytesIO(container))
    # A panic of polars is a BaseException.
    except (Exception, pl.exceptions.PanicException) as error:
        raise Unreadable(str(error)) from None
    if frame.height != len(payloads):
        raise Unreadable(f"{frame.height} rows from {len(payloads)} messages")
    return frame


class _Walk:
    """One cursor for each message, all moved through a field at a time.

    Attributes:
        cursor: the next byte of each message, as an index into all bytes.
        fine: the messages in which nothing wrong was met so far.
    """

    def __init__(self, data: bytes, ends: Ints) -> None:
        self._data = np.frombuffer(data, dtype=np.uint8)
        self._ends = ends
        self.cursor = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1])) if len(ends) else ends.copy()
        self.fine = np.ones(len(ends), dtype=np.bool_)

    def field(self, kind: Any, rows: Ints) -> None:
        """Moves the cursors of ``rows`` over a value of type ``kind``."""
        if isinstance(kind, list):
            rows, branch = self._varint(rows, 1)
            known = (branch == 0) | (branch == 1)
            self.fine[rows[~known]] = False
            self.field(_present(kind), rows[known & (branch != kind.index("null"))])
            return
        base = kind["type"] if isinstance(kind, dict) else kind
        if base in _INTEGERS:
            rows, value = self._varint(rows, _MAX_VARINT[base])
            if base == "int":
                self.fine[rows[(value < -(2**31)) | (value >= 2**31)]] = False
        elif base in _FIXED:
            self._skip(rows, np.full(len(rows), _FIXED[base], dtype=np.int64))
        else:
            rows, size = self._varint(rows, _MAX_VARINT["long"])
            self._skip(rows, size)

    def _skip(self, rows: Ints, size: Ints) -> None:
        inside = (size >= 0) & (size <= self._ends[rows] - self.cursor[rows])
        self.fine[rows[~inside]] = False
        self.cursor[rows[inside]] += size[inside]

    def _varint(self, rows: Ints, longest: int) -> tuple[Ints, Ints]:
        """The rows in which a varint of at most ``longest`` bytes was found, and its value."""
        raw = np.zeros(len(rows), dtype=np.uint64)
        open_ = np.arange(len(rows))
        for step in range(longest):
            at = self.cursor[rows[open_]]
            inside = at < self._ends[rows[open_]]
            if not inside.all():
                self.fine[rows[open_[~inside]]] = False
                open_, at = open_[inside], at[inside]
            byte = self._data[at].astype(np.uint64)
            raw[open_] |= (byte & np.uint64(0x7F)) << np.uint64(7 * step)
            self.cursor[rows[open_]] += 1
            open_ = open_[byte >= 0x80]
            if not len(open_):
                break
        self.fine[rows[open_]] = False
        good = self.fine[rows]
        value = (raw >> np.uint64(1)).astype(np.int64) ^ -(raw & np.uint64(1)).astype(np.int64)
        return rows[good], value[good]


def _zigzag(number: int) -> bytes:
    number <<= 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _is_supported(kind: Any) -> bool:
    if isinstance(kind, list):
        return len(kind) == 2 and "null" in kind and _is_supported(_present(kind))
    if isinstance(kind, dict):
        logical = kind.get("logicalType")
        if kind["type"] == "bytes":
            return logical in (None, "decimal")
        return kind["type"] in _INTEGERS and logical in (None, "timestamp-millis", "timestamp-micros")
    return kind in ("int", "long", "string", "bytes", "boolean", "float", "double")


def _present(union: list[Any]) -> Any:
    return next(kind for kind in union if kind != "null")
