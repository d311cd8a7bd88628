"""Who gets in."""

from __future__ import annotations

from base64 import b64encode

import pytest

from hailstream.local.clickhouse_server.auth import Account, refuse_browsers
from hailstream.local.clickhouse_server.errors import ClickHouseError

OURS = Account("hail", "pass:wörd")


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        (basic("hail:pass:wörd"), {}),
        ({"x-clickhouse-user": "hail", "x-clickhouse-key": "pass:wörd"}, {}),
        ({}, {"user": "hail", "password": "pass:wörd"}),
    ],
)
def test_the_user_gets_in_by_each_way(headers: dict[str, str], params: dict[str, str]) -> None:
    OURS.check(headers, params)


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {}),
        (basic("hail:pass"), {}),
        (basic("default:pass:wörd"), {}),
        (basic("hail"), {}),
        ({"authorization": "Basic not-base64!"}, {}),
        ({"authorization": "Bearer token"}, {}),
        ({"x-clickhouse-user": "hail"}, {}),
        ({"x-clickhouse-key": "pass:wörd"}, {}),
        ({}, {"password": "pass:wörd"}),
        (basic("hail:pass:wörd"), {"user": "hail", "password": "pass:wörd"}),
        (basic("hail:pass:wörd") | {"x-clickhouse-user": "hail"}, {}),
    ],
)
def test_everybody_else_is_refused_without_learning_the_password(
    headers: dict[str, str], params: dict[str, str]
) -> None:
    with pytest.raises(ClickHouseError) as refusal:
        OURS.check(headers, params)
    assert refusal.value.status == 403
    assert "pass:" not in refusal.value.text
    assert "pass:" not in repr(OURS)


def test_without_a_password_the_default_user_needs_none_and_no_other_user_exists() -> None:
    Account().check({}, {})
    Account().check(basic("default:"), {})
    for headers in (basic("default:guess"), basic("root:")):
        with pytest.raises(ClickHouseError):
            Account().check(headers, {})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:28123"},
        {"host": "localhost"},
        {"host": "[::1]:28123"},
        {"host": "10.0.0.7"},
        {"host": "localhost:1", "origin": "http://localhost:1", "sec-fetch-site": "same-origin"},
    ],
)
def test_programs_and_the_own_page_pass(headers: dict[str, str]) -> None:
    refuse_browsers(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "localhost.evil.example:28123"},
        {"host": "127.0.0.1", "origin": "http://evil.example"},
        {"host": "127.0.0.1", "origin": "null"},
        {"host": "127.0.0.1:1", "origin": "http://127.0.0.1:2"},
        {"host": "127.0.0.1", "sec-fetch-site": "cross-site"},
    ],
)
def test_pages_of_others_do_not(headers: dict[str, str]) -> None:
    with pytest.raises(ClickHouseError):
        refuse_browsers(headers)
