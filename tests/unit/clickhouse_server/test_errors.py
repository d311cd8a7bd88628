"""The engine's words become ClickHouse's wire form."""

from __future__ import annotations

import pytest

from hailstream.local.clickhouse_server.errors import ClickHouseError, from_engine


@pytest.mark.parametrize(
    ("text", "code", "name", "message", "status"),
    [
        (
            "Code: 60. DB::Exception: Table default.t does not exist. (UNKNOWN_TABLE)",
            60,
            "UNKNOWN_TABLE",
            "Table default.t does not exist",
            404,
        ),
        (
            "Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format X. (UNKNOWN_FORMAT) "
            "(version 26.9.2.1). (UNKNOWN_FORMAT) (version 26.9.2.1 (official build))",
            73,
            "UNKNOWN_FORMAT",
            "Unknown format X",
            404,
        ),
        (
            "Streaming query failed: Code: 395. DB::Exception: it said 'Code: 1. DB::Exception: x'. (THROWN)",
            395,
            "THROWN",
            "it said 'Code: 1. DB::Exception: x'",
            500,
        ),
        ("Code: 7. DB::Exception: neither (A) nor (B)", 7, "UNKNOWN_EXCEPTION", "neither (A) nor (B)", 500),
        ("the disk is on fire", 1001, "STD_EXCEPTION", "the disk is on fire", 500),
        ("", 1001, "STD_EXCEPTION", "RuntimeError", 500),
    ],
)
def test_code_name_and_message_are_found(text: str, code: int, name: str, message: str, status: int) -> None:
    error = from_engine(RuntimeError(text))
    assert (error.code, error.name, error.text, error.status) == (code, name, message, status)


def test_the_wire_form_has_one_of_everything() -> None:
    line = ClickHouseError(60, "UNKNOWN_TABLE", "There is no table.").wire("26.9.2.1")
    assert line == "Code: 60. DB::Exception: There is no table. (UNKNOWN_TABLE) (version 26.9.2.1)\n"
    assert from_engine(RuntimeError(line)).wire("26.9.2.1") == line


@pytest.mark.parametrize(
    ("name", "status"),
    [("SYNTAX_ERROR", 400), ("REQUIRED_PASSWORD", 401), ("AUTHENTICATION_FAILED", 403), ("NOT_IMPLEMENTED", 501)],
)
def test_the_name_decides_the_status(name: str, status: int) -> None:
    assert ClickHouseError(1, name, "").status == status
