"""Rows on their way between tasks."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


def pack(rows: pa.Table) -> bytes:
    """A table as bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_OPTIONS) as writer:
        writer.write_table(rows)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def unpack(parts: Iterable[bytes]) -> pa.Table:
    """The rows of all parts, of which there is one at least, one after the other."""
    return pa.concat_tables([pa.ipc.open_stream(packed).read_all() for packed in parts])
