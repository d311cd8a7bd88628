"""Content encodings of request and response bodies, piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import lz4.frame  # type: ignore[import-untyped]
import zstandard

from hailstream.local.clickhouse_server.errors import ClickHouseError


class Compressor(Protocol):
    """Makes one compressed document out of pieces."""

    def compress(self, data: bytes) -> bytes: ...

    def flush(self) -> bytes: ...


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._open = False

    def compress(self, data: bytes) -> bytes:
        head = b"" if self._open else self._frame.begin()
        self._open = True
        return bytes(head + self._frame.compress(data))

    def flush(self) -> bytes:
        head = b"" if self._open else self._frame.begin()
        return bytes(head + self._frame.flush())


def _zstd_reader() -> Any:
    return zstandard.ZstdDecompressor().decompressobj()


# In the server's order of preference.
_COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(level=1, wbits=31),
    "deflate": lambda: zlib.compressobj(level=1, wbits=15),
}
_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": _zstd_reader,
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "x-gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": lambda: zlib.decompressobj(wbits=15),
}


def choose(accept_encoding: str) -> str | None:
    """The first encoding of ours that the client takes, by our order; None for plain."""
    offers: dict[str, bool] = {}
    for part in accept_encoding.split(","):
        name, _, options = part.strip().partition(";")
        offers[name.strip().lower()] = options.replace(" ", "") not in ("q=0", "q=0.0")
    return next((name for name in _COMPRESSORS if offers.get(name)), None)


def compressor(encoding: str) -> Compressor:
    return _COMPRESSORS[encoding]()


def decoded(encoding: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """``chunks`` with their content encoding undone; several documents may follow each other.

    Raises:
        ClickHouseError: the encoding is unknown, or the data is broken or cut off.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in _DECOMPRESSORS:
        raise ClickHouseError(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method '{encoding}' of the body")
    reader: Any = None
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if reader is None:
                    reader = _DECOMPRESSORS[encoding]()
                yield reader.decompress(rest)
                rest = b""
                if reader.eof:
                    rest, reader = reader.unused_data or b"", None
    except (zlib.error, RuntimeError, zstandard.ZstdError, EOFError) as error:
        raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"Cannot decompress the body as {encoding}: {error}") from error
    if reader is not None:
        raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"The body ends in the middle of its {encoding} data")
