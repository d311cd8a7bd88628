"""Flink's keyed state as the place where a fold is kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa
from pyflink.common import Types
from pyflink.datastream import RuntimeContext
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

_PAGE_BYTES = 1 << 20
_CODEC = "zstd"
_SIZE = struct.Struct(">I")
# Forgotten pages that are removed with each record.
_REMOVED_AT_ONCE = 2


class FlinkState:
    """Where a fold is kept: Flink's keyed state of the current key.

    Everything is in pages, numbered on and on: those of the snapshot, then one
    for each record. A page is a request of its own (see ``engine_settings``);
    a snapshot as one value would be more than the engine's buffers can take.
    Pages are compressed, so that the engine's heap holds more of them. Those of
    a log that a snapshot replaced are thousands, so they are removed bit by bit.
    """

    def __init__(self, runtime_context: RuntimeContext) -> None:
        octets = Types.PICKLED_BYTE_ARRAY()
        self._pages = runtime_context.get_map_state(MapStateDescriptor("pages", Types.LONG(), octets))
        # First page not removed, of the snapshot, of the log, and behind it; the watermark that was reached.
        self._index = runtime_context.get_state(ValueStateDescriptor("index", octets))

    def snapshot(self) -> bytes | None:
        _, begin, log, _, _ = self._read()
        return b"".join(self._page(page) for page in range(begin, log)) if log > begin else None

    def log(self) -> Iterator[bytes]:
        _, _, log, end, _ = self._read()
        return (self._page(page) for page in range(log, end))

    def append(self, record: bytes) -> None:
        first, begin, log, end, reached = self._read()
        kept = min(begin, first + _REMOVED_AT_ONCE)
        for page in range(first, kept):
            self._pages.remove(page)
        self._pages.put(end, _compressed(record))
        self._index.update((kept, begin, log, end + 1, reached))

    def reached(self) -> int | None:
        reached: int | None = self._read()[-1]
        return reached

    def reach(self, watermark: int) -> None:
        self._index.update((*self._read()[:-1], watermark))

    def replace(self, snapshot: bytes) -> None:
        first, _, _, end, reached = self._read()
        parts = [snapshot[at : at + _PAGE_BYTES] for at in range(0, len(snapshot), _PAGE_BYTES)]
        for page, part in enumerate(parts, end):
            self._pages.put(page, _compressed(part))
        self._index.update((first, end, end + len(parts), end + len(parts), reached))

    def clear(self) -> None:
        self._pages.clear()
        self._index.clear()

    def _page(self, page: int) -> bytes:
        stored: bytes = self._pages.get(page)
        size = _SIZE.unpack_from(stored)[0]
        content: bytes = pa.decompress(stored[_SIZE.size :], size, codec=_CODEC, asbytes=True)
        return content

    def _read(self) -> tuple[int, int, int, int, int | None]:
        return self._index.value() or (0, 0, 0, 0, None)


def _compressed(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec=_CODEC, asbytes=True)
    return _SIZE.pack(len(content)) + packed
