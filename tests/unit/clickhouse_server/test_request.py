"""Parameters, headers and bodies become a query."""

from __future__ import annotations

import gzip
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.local.clickhouse_server.errors import ClickHouseError
from hailstream.local.clickhouse_server.multipart import read_form
from hailstream.local.clickhouse_server.request import SPOOL_BYTES, Body, QueryRequest, parse_parameters, read_request


def read(query_string: bytes = b"", headers: dict[str, str] | None = None, method: str = "POST") -> QueryRequest:
    return read_request(method, parse_parameters(query_string), headers or {}, Body())


def test_what_is_not_of_the_protocol_is_a_setting() -> None:
    query = read(
        b"query=SELECT+%7Bx%3AString%7D&param_x=a%26b&max_threads=2&database=d&wait_end_of_query=1&quota_key=q"
    )
    assert query.query == b"SELECT {x:String}"
    assert query.params == {"x": "a&b"}
    assert query.settings == {"max_threads": "2"}
    assert (query.database, query.whole_result_first) == ("d", True)


def test_bytes_that_are_no_text_survive_in_the_query() -> None:
    assert read(b"query=SELECT+'%ff%00%c5%bc'").query == b"SELECT '\xff\x00\xc5\xbc'"


def test_compression_of_the_answer_needs_both_sides() -> None:
    accepting = {"accept-encoding": "lz4"}
    assert read(b"", accepting).accept_encoding == ""
    assert read(b"enable_http_compression=1", accepting).accept_encoding == "lz4"


@pytest.mark.parametrize(
    ("query_string", "code"),
    [
        (b"session_id=a&session_timeout=-1", 374),
        (b"session_id=a&session_timeout=3601", 374),
        (b"session_id=a&session_timeout=%D9%A3", 374),
        (b"role=r", 511),
        (b"compress=1", 48),
        (b"decompress=1", 48),
        (b"query_id=a%0d%0aX-Evil:+1", 36),
        (b"query_id=%C5%BC", 36),
    ],
)
def test_what_cannot_be_done_is_refused(query_string: bytes, code: int) -> None:
    with pytest.raises(ClickHouseError) as refusal:
        read(query_string)
    assert refusal.value.code == code


def test_readonly_does_not_stick_to_a_session() -> None:
    in_session = read(b"session_id=s&readonly=1")
    assert (in_session.read_only, in_session.settings) == (True, {})
    alone = read(b"readonly=1")
    assert (alone.read_only, alone.settings) == (True, {"readonly": "1"})
    assert read(method="GET").read_only
    assert not read(b"readonly=0").read_only


def test_a_body_may_be_larger_than_what_is_kept_in_memory() -> None:
    body = Body()
    chunk = os.urandom(1 << 20)
    for _ in range((SPOOL_BYTES >> 20) + 2):
        body.write(chunk)
    assert body.size > SPOOL_BYTES
    assert b"".join(body.pieces()) == chunk * ((SPOOL_BYTES >> 20) + 2)
    body.close()


def form(*parts: tuple[str, bytes]) -> bytes:
    lines = [
        f"--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts
    ]
    return b"".join(lines) + b"--XX--\r\n"


def test_a_form_carries_query_parameters_and_tables() -> None:
    body = Body("gzip")
    content = form(
        ('name="query"', b"SELECT * FROM t"),
        ('name="param_x"', b"5"),
        ('name="t"; filename="t.tsv"\r\nContent-Type: text/plain', b"1\r\n2\n"),
        ('name="u"; filename="u"', b"\x00\r\n--X\xff"),
    )
    body.write(gzip.compress(content))
    headers = {"content-type": "multipart/form-data; boundary=XX"}
    params = parse_parameters(b"t_structure=n+UInt8&t_format=CSV&u_types=UInt8,String&max_threads=1")
    query = read_request("POST", params, headers, body)
    assert (query.query, query.params, query.settings) == (b"SELECT * FROM t", {"x": "5"}, {"max_threads": "1"})
    assert [(t.name, t.structure, t.format, t.data) for t in query.tables] == [
        ("t", "n UInt8", "CSV", b"1\r\n2\n"),
        ("u", "_1 UInt8, _2 String", "TabSeparated", b"\x00\r\n--X\xff"),
    ]


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", form(('name="a"', b""))),
        ("multipart/form-data; boundary=XX", b""),
        ("multipart/form-data; boundary=XX", b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'),
        ("multipart/form-data; boundary=XX", form(("", b"nameless"))),
    ],
)
def test_a_broken_form_is_refused(content_type: str, content: bytes) -> None:
    with pytest.raises(ClickHouseError):
        read_form(content_type, content)


@given(st.binary(max_size=200))
def test_a_file_in_a_form_is_not_changed(data: bytes) -> None:
    _, files = read_form(
        "multipart/form-data; boundary=XX", form(('name="f"; filename="f"', data.replace(b"--XX", b"")))
    )
    assert files == {"f": data.replace(b"--XX", b"")}
