"""Content encodings of bodies and answers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import httpx
import lz4.frame
import pytest
import zstandard

from tests.contract.clickhouse.asking import run

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.compress,
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def raw(client: httpx.Client, content: bytes, headers: dict[str, str], **params: str) -> tuple[httpx.Headers, bytes]:
    """A response with its content encoding still on."""
    with client.stream("POST", "/", content=content, headers=headers, params=params) as response:
        return response.headers, b"".join(response.iter_raw())


@pytest.mark.parametrize("encoding", PACK)
def test_a_body_may_be_compressed(table: httpx.Client, encoding: str) -> None:
    rows = b"".join(b"%d\t%s\n" % (n, b"x" * (n % 50)) for n in range(50_000))
    body = PACK[encoding](b"INSERT INTO t FORMAT TSV\n" + rows[:100_000]) + PACK[encoding](rows[100_000:])
    if encoding == "deflate":  # one document only
        body = PACK[encoding](b"INSERT INTO t FORMAT TSV\n" + rows)
    response = table.post("/", content=body, headers={"Content-Encoding": encoding})
    assert response.status_code == 200, response.text
    assert run(table, "SELECT count(), sum(n), sum(length(s)) FROM t") == "50000\t1249975000\t1225000\n"


@pytest.mark.parametrize("rows", [3, 500_000])
@pytest.mark.parametrize("encoding", UNPACK)
def test_an_answer_is_compressed_when_asked_for(http: httpx.Client, encoding: str, rows: int) -> None:
    sql = f"SELECT number FROM numbers({rows})".encode()
    headers, packed = raw(http, sql, {"Accept-Encoding": encoding}, enable_http_compression="1")
    assert headers["Content-Encoding"] == encoding
    assert UNPACK[encoding](packed) == b"".join(b"%d\n" % n for n in range(rows))


def test_an_answer_is_plain_unless_both_header_and_setting_ask(http: httpx.Client) -> None:
    headers, content = raw(http, b"SELECT 1", {"Accept-Encoding": "gzip"})
    assert ("content-encoding" in headers, content) == (False, b"1\n")
    headers, content = raw(http, b"SELECT 1", {"Accept-Encoding": "identity"}, enable_http_compression="1")
    assert ("content-encoding" in headers, content) == (False, b"1\n")


def test_a_body_whose_compression_is_cut_off_inserts_nothing(table: httpx.Client) -> None:
    rows = b"".join(b"%d\ta\n" % n for n in range(100_000))
    for encoding in ("gzip", "lz4", "zstd"):
        packed = PACK[encoding](rows)
        response = table.post(
            "/",
            params={"query": "INSERT INTO t FORMAT TSV"},
            content=packed[: len(packed) // 2],
            headers={"Content-Encoding": encoding},
        )
        assert response.status_code >= 400, encoding
    assert run(table, "SELECT count() FROM t") == "0\n"
