"""What an error looks like: its status, its header, its line; and what a request may not do."""

from __future__ import annotations

import httpx
import pytest


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
