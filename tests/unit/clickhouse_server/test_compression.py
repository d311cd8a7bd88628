"""Content encodings, cut wherever the network cuts them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hailstream.local.clickhouse_server.compression import choose, compressor, decoded
from hailstream.local.clickhouse_server.errors import ClickHouseError

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.compress,
}


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("encoding", PACK)
@given(documents=st.lists(st.binary(max_size=300), min_size=1, max_size=4), size=st.integers(1, 50))
def test_documents_in_a_row_are_one_body(encoding: str, documents: list[bytes], size: int) -> None:
    packed = b"".join(PACK[encoding](document) for document in documents)
    assert b"".join(decoded(encoding, cut(packed, size))) == b"".join(documents)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd"])
@given(pieces=st.lists(st.binary(max_size=300), max_size=5))
def test_what_is_compressed_piece_by_piece_is_one_document(encoding: str, pieces: list[bytes]) -> None:
    packer = compressor(encoding)
    packed = b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])
    assert b"".join(decoded(encoding, [packed])) == b"".join(pieces)


@pytest.mark.parametrize("encoding", PACK)
def test_a_cut_off_body_is_an_error(encoding: str) -> None:
    packed = PACK[encoding](bytes(range(256)) * 100)
    with pytest.raises(ClickHouseError) as refusal:
        b"".join(decoded(encoding, [packed[:-9]]))
    assert refusal.value.name == "CANNOT_DECOMPRESS"


@pytest.mark.parametrize("encoding", PACK)
def test_a_body_that_is_something_else_is_an_error(encoding: str) -> None:
    with pytest.raises(ClickHouseError) as refusal:
        b"".join(decoded(encoding, [b"INSERT INTO t VALUES (1)"]))
    assert refusal.value.name == "CANNOT_DECOMPRESS"


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(ClickHouseError, match="snappy"):
        b"".join(decoded("snappy", [b"x"]))
    assert b"".join(decoded("identity", [b"a", b"b"])) == b"ab"


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0, gzip;q=0.5", "gzip"),
        ("lz4;q=1.0,gzip", "lz4"),
        ("LZ4", "lz4"),
        ("snappy, br", None),
    ],
)
def test_the_encoding_is_one_the_client_takes(accepted: str, chosen: str | None) -> None:
    assert choose(accepted) == chosen
