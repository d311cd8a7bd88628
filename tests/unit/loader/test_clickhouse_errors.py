"""Which errors cost a row its place, and which are waited out."""

from __future__ import annotations

from uuid import uuid4

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from hailstream.clickhouse import away, connect, first_line, is_about_data
from hailstream.errors import HailstreamError
from hailstream.settings import Settings


@pytest.mark.parametrize("code", [469, 407, 321, 349, 41])
def test_errors_about_values_are_about_data(code: int) -> None:
    assert is_about_data(DatabaseError("x", code=code))


@pytest.mark.parametrize("code", [241, 243, 252, 242, 159, 202, 210, 319, 999, 60, 81, 516, 12345])
def test_errors_about_memory_space_load_and_whatever_is_unknown_are_not(code: int) -> None:
    assert not is_about_data(DatabaseError("x", code=code))


def test_a_broken_connection_is_not_about_data() -> None:
    assert not is_about_data(OperationalError("Connection reset"))
    assert not is_about_data(ConnectionResetError())


def test_people_see_the_servers_sentence_only() -> None:
    text = (
        "Received ClickHouse exception, code: 62, server response: Code: 62. DB::Exception: Syntax error: failed at "
        "position 1 (selec): selec 1. Expected one of: SELECT, WITH. (SYNTAX_ERROR) (version 26.9.2.1) (for url http://h)"
    )
    assert first_line(DatabaseError(text, code=62)) == "Syntax error: failed at position 1 (selec): selec 1."


def test_no_password_reaches_a_message() -> None:
    secret = uuid4().hex
    settings = Settings(_env_file=None, clickhouse_url="http://127.0.0.1:1", clickhouse_password=secret)
    with pytest.raises(OperationalError) as raised:
        connect(settings)
    error = away(settings, raised.value)
    assert "Connection refused" in error.message
    assert secret not in error.message + error.hint


@pytest.mark.parametrize("url", ["clickhouse.example.org:8443", "tcp://host:9000", "http://"])
def test_an_address_of_the_wrong_kind_is_an_error_with_an_example(url: str) -> None:
    with pytest.raises(HailstreamError, match="HAILSTREAM_CLICKHOUSE_URL") as raised:
        connect(Settings(_env_file=None, clickhouse_url=url))
    assert raised.value.exit_code == 2
    assert "https://" in raised.value.hint
