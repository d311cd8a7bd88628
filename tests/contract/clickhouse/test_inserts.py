"""Data on its way in: where it is, what form it has, what is said of it."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.contract.clickhouse.asking import Target, run, summary

FORMATS = [
    "Native",
    "RowBinary",
    "RowBinaryWithNamesAndTypes",
    "TabSeparated",
    "TabSeparatedWithNames",
    "CSV",
    "CSVWithNames",
    "JSONEachRow",
    "JSONCompactEachRow",
    "Values",
    "Parquet",
    "Arrow",
    "ArrowStream",
    "ORC",
    "Avro",
]


def test_data_may_follow_the_statement_in_the_body_or_in_the_url(table: httpx.Client) -> None:
    run(table, "INSERT INTO t FORMAT CSV\n1,a\n2,b\n")
    assert table.post("/", params={"query": "INSERT INTO t FORMAT CSV"}, content="3,c\n").status_code == 200
    assert table.post("/", params={"query": "INSERT INTO t (s, n) VALUES"}, content="('d', 2 + 2)").status_code == 200
    assert table.post("/", params={"query": "INSERT INTO t FORMAT JSONEachRow"}, content='{"n":5}').status_code == 200
    assert run(table, "SELECT * FROM t ORDER BY n FORMAT CSV") == '1,"a"\n2,"b"\n3,"c"\n4,"d"\n5,""\n'


def test_an_insert_says_what_it_wrote(table: httpx.Client) -> None:
    response = table.post("/", content="INSERT INTO t FORMAT TSV\n1\ta\n2\tb\n3\tc\n", params={"query_id": "mine-1"})
    assert summary(response)["written_rows"] == 3
    assert response.headers["X-ClickHouse-Query-Id"] == "mine-1"
    assert "X-ClickHouse-Format" not in response.headers


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_writes_it_reads(table: httpx.Client, name: str) -> None:
    run(table, "INSERT INTO t SELECT number, repeat('ż', number % 5) FROM numbers(150000)")
    written = table.post("/", content=f"SELECT * FROM t ORDER BY n FORMAT {name}", params={"max_block_size": "9999"})
    assert written.status_code == 200
    run(table, "CREATE TABLE copy AS t")
    query = {"query": f"INSERT INTO copy FORMAT {name}"}
    inserted = table.post("/", params=query, content=written.content)
    assert inserted.status_code == 200, inserted.text
    assert run(table, "SELECT count() FROM copy") == "150000\n"
    assert run(table, "SELECT count() FROM (SELECT * FROM t EXCEPT SELECT * FROM copy)") == "0\n"


def test_a_body_that_ends_early_inserts_nothing(table: httpx.Client, target: Target, database: str) -> None:
    url = httpx.URL(target.url)
    head = (
        f"POST /?database={database}&user={target.user}&password={target.password}&query=INSERT+INTO+t+FORMAT+TSV "
        f"HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port or 8123)) as connection:
        connection.sendall(head.encode() + b"1\ta\n2\tb\n")
        connection.shutdown(socket.SHUT_WR)
        assert b" 200 " not in connection.recv(100)
    assert run(table, "SELECT count() FROM t") == "0\n"
