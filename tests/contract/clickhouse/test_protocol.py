"""The HTTP interface itself: where the query is, how the answer is wrapped, what an error looks like."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Callable

import httpx
import lz4.frame
import pytest
import zstandard

from tests.contract.clickhouse.asking import Target

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


def summary(response: httpx.Response) -> dict[str, int]:
    return {name: int(value) for name, value in json.loads(response.headers["X-ClickHouse-Summary"]).items()}


def run(http: httpx.Client, sql: str) -> str:
    response = http.post("/", content=sql)
    assert response.status_code == 200, response.text
    return response.text


def raw(client: httpx.Client, content: bytes, headers: dict[str, str], **params: str) -> tuple[httpx.Headers, bytes]:
    """A response with its content encoding still on."""
    with client.stream("POST", "/", content=content, headers=headers, params=params) as response:
        return response.headers, b"".join(response.iter_raw())


@pytest.fixture
def table(http: httpx.Client) -> httpx.Client:
    run(http, "CREATE TABLE t (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    return http


@pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
def test_health_checks_answer_ok(target: Target, path: str) -> None:
    response = httpx.get(target.url + path)
    assert (response.status_code, response.text) == (200, "Ok.\n")
    assert httpx.head(target.url + path).status_code == 200


def test_the_query_may_be_in_the_url_the_body_or_both(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert http.post("/", content="SELECT 1").text == "1\n"
    assert http.post("/", params={"query": "SELECT 1"}, content="+ 1").text == "2\n"
    assert http.post("/", params={"query": "SELECT 1"}).text == "1\n"


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


def test_a_query_says_what_it_read(table: httpx.Client) -> None:
    run(table, "INSERT INTO t SELECT number, '' FROM numbers(1000)")
    response = table.post("/", content="SELECT sum(n) FROM t", params={"wait_end_of_query": "1"})
    assert response.text == "499500\n"
    assert summary(response)["read_rows"] == 1000
    assert summary(response)["result_rows"] == 1
    assert response.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert response.headers["Content-Type"].startswith("text/tab-separated-values")
    assert response.headers["X-ClickHouse-Timezone"]
    assert response.headers["X-ClickHouse-Server-Display-Name"]


def test_the_format_is_asked_for_in_three_places_and_the_query_has_the_last_word(http: httpx.Client) -> None:
    in_header = {"X-ClickHouse-Format": "CSV"}
    assert http.post("/", content="SELECT 'a' AS x", headers=in_header).text == '"a"\n'
    by_param = http.post("/", content="SELECT 'a' AS x", headers=in_header, params={"default_format": "JSONEachRow"})
    assert by_param.text == '{"x":"a"}\n'
    by_query = http.post("/", content="SELECT 'a' AS x FORMAT TSV", params={"default_format": "JSONEachRow"})
    assert (by_query.text, by_query.headers["X-ClickHouse-Format"]) == ("a\n", "TSV")
    named = http.post("/", content="SELECT 1 AS format FORMAT JSONEachRow SETTINGS max_threads = 1")
    assert (named.text, named.headers["X-ClickHouse-Format"]) == ('{"format":1}\n', "JSONEachRow")


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


@pytest.mark.parametrize(
    ("sql", "status", "code", "name"),
    [
        ("SELECT * FROM nowhere", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT * FROM nowhere.t", 404, 81, "UNKNOWN_DATABASE"),
        ("DROP TABLE nowhere", 404, 60, "UNKNOWN_TABLE"),
        ("SELEKT 1", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 400, 62, "SYNTAX_ERROR"),
        ("", 400, 62, "SYNTAX_ERROR"),
        ("SELECT toInt8('x')", 400, 6, "CANNOT_PARSE_TEXT"),
        ("SELECT 1 FORMAT Nothing", 404, 73, "UNKNOWN_FORMAT"),
        ("SELECT CAST(1 AS Nothing1)", 404, 50, "UNKNOWN_TYPE"),
        ("CREATE TABLE t (n UInt8) ENGINE = Nothing1", 404, 56, "UNKNOWN_STORAGE"),
        ("CREATE DATABASE default", 500, 82, "DATABASE_ALREADY_EXISTS"),
        ("SELECT sleep(2) SETTINGS max_execution_time = 1", 408, 159, "TIMEOUT_EXCEEDED"),
        ("SELECT throwIf(1)", 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("INSERT INTO nowhere FORMAT CSV\n1", 404, 60, "UNKNOWN_TABLE"),
    ],
)
def test_an_error_has_its_status_header_and_line(
    http: httpx.Client, sql: str, status: int, code: int, name: str
) -> None:
    response = http.post("/", content=sql)
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert response.text.startswith(f"Code: {code}. DB::Exception: ")
    assert f"({name}) (version " in response.text
    assert response.text.count("DB::Exception") == 1


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"no_such_setting": "1"}, 404, 115),
        ({"max_threads": "many"}, 400, 27),
        ({"database": "nowhere"}, 404, 81),
        ({"session_id": "unheard-of", "session_check": "1"}, 404, 372),
        ({"session_id": "s", "session_timeout": "soon"}, 500, 374),
        ({"session_id": "s", "session_timeout": "999999"}, 500, 374),
        ({"role": "king"}, 404, 511),
    ],
)
def test_a_wrong_parameter_is_refused(http: httpx.Client, params: dict[str, str], status: int, code: int) -> None:
    response = http.post("/", content="SELECT 1", params=params)
    assert int(response.headers["X-ClickHouse-Exception-Code"]) == code
    if code != 372:  # its status differs between versions of the server
        assert response.status_code == status


def test_an_error_after_the_first_rows_cuts_the_answer_and_names_itself(http: httpx.Client) -> None:
    received: list[bytes] = []
    sql = "SELECT number, throwIf(number = 3000000, 'on purpose') FROM numbers(4000000)"

    def read() -> None:
        with http.stream("POST", "/", content=sql) as response:
            assert response.status_code == 200
            received.extend(response.iter_bytes())

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    end = b"".join(received[-3:])
    assert b"__exception__" in end
    assert b"Code: 395. DB::Exception: on purpose" in end


def test_the_same_error_has_its_status_if_the_end_is_waited_for(http: httpx.Client) -> None:
    sql = "SELECT number, throwIf(number = 3000000, 'on purpose') FROM numbers(4000000)"
    response = http.post("/", content=sql, params={"wait_end_of_query": "1"})
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


def test_get_may_only_read(table: httpx.Client) -> None:
    for sql in ("INSERT INTO t VALUES (1, 'a')", "DROP TABLE t", "CREATE TABLE u (n Int8) ENGINE = Memory"):
        response = table.get("/", params={"query": sql})
        assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (500, "164"), sql
    assert table.get("/", params={"query": "SELECT count() FROM t"}).text == "0\n"
    assert table.get("/", params={"query": "SELECT count() FROM t", "session_id": "reader"}).text == "0\n"
    inserted = table.post("/", content="INSERT INTO t VALUES (1, 'a')", params={"session_id": "reader"})
    assert inserted.status_code == 200, "a GET leaves its session as it was"


def test_readonly_may_be_asked_for(table: httpx.Client) -> None:
    response = table.post("/", content="INSERT INTO t VALUES (1, 'a')", params={"readonly": "1"})
    assert response.headers["X-ClickHouse-Exception-Code"] == "164"


def test_a_session_keeps_temporary_tables_settings_and_database(http: httpx.Client, database: str) -> None:
    def ask(sql: str, **params: str) -> str:
        response = http.post("/", content=sql, params={"session_id": "keeper", **params})
        assert response.status_code == 200, response.text
        return response.text

    ask("CREATE TEMPORARY TABLE mine (n UInt8)")
    ask("INSERT INTO mine VALUES (1), (2)")
    ask("SET max_block_size = 1234")
    ask("USE system", database="")
    assert ask("SELECT sum(n) FROM mine") == "3\n"
    assert ask("SELECT getSetting('max_block_size')") == "1234\n"
    assert ask("SELECT getSetting('max_block_size')", max_block_size="99") == "99\n"
    assert ask("SELECT getSetting('max_block_size')", session_check="1") == "1234\n"
    assert ask("SELECT currentDatabase()", database="") == "system\n"
    assert ask("SELECT currentDatabase()") == f"{database}\n"
    assert ask("SELECT currentDatabase()", database="") == "system\n"
    elsewhere = http.post("/", content="SELECT * FROM mine", params={"session_id": "other"})
    assert elsewhere.headers["X-ClickHouse-Exception-Code"] == "60"


def test_form_fields_carry_query_and_parameters_and_files_are_tables(http: httpx.Client) -> None:
    form = {"query": (None, "SELECT {x:UInt8} + 1"), "param_x": (None, "41")}
    assert http.post("/", files=form).text == "42\n"
    files = {"pairs": ("pairs.csv", b"1,a\r\n2,b\n", "text/plain")}
    params = {
        "query": "SELECT n FROM pairs ORDER BY n FORMAT CSV",
        "pairs_structure": "n UInt8, s String",
        "pairs_format": "CSV",
    }
    response = http.post("/", params=params, files=files)
    assert response.text == "1\n2\n"


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


@pytest.mark.parametrize(
    "system_table",
    ["databases", "tables", "columns", "functions", "settings", "formats", "data_type_families", "processes", "parts"],
)
def test_system_tables_that_dashboards_read_are_there(http: httpx.Client, system_table: str) -> None:
    response = http.post("/", content=f"SELECT * FROM system.{system_table} LIMIT 3 FORMAT JSON")
    assert response.status_code == 200, response.text
    assert response.json()["meta"]


def test_a_query_can_be_as_large_as_the_engine_takes(http: httpx.Client) -> None:
    listed = ", ".join(str(n) for n in range(30_000))
    assert run(http, f"SELECT length([{listed}])") == "30000\n"
    refused = http.post("/", content=f"SELECT length([{listed}])", params={"max_query_size": "1000"})
    assert refused.headers["X-ClickHouse-Exception-Code"] == "62"
