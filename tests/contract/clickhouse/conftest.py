"""A ClickHouse server to test: the embedded one, or the one of ``HAILSTREAM_CLICKHOUSE_URL``."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hailstream.settings import load_settings
from tests.contract.clickhouse.asking import Asking, ByClickHouseConnect, ByHttpx, Target, run
from tests.contract.clickhouse.embedded import Embedded

_numbers = itertools.count()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """The embedded server that the tests of a run share."""
    server = Embedded(tmp_path_factory.mktemp("clickhouse") / "data")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Embedded]:
    """A server that the test may stop and kill; started by the test."""
    server = Embedded(tmp_path / "data")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    settings = load_settings()
    if settings.clickhouse_url is None:
        return Target(request.getfixturevalue("embedded").url, "default", "")
    password = settings.clickhouse_password.get_secret_value()
    return Target(settings.clickhouse_url, settings.clickhouse_username, password)


@pytest.fixture
def embedded_target(target: Target) -> Target:
    """For what only the embedded server promises."""
    if load_settings().clickhouse_url is not None:
        pytest.skip("a promise of the embedded server, and this is another one")
    return target


@pytest.fixture
def database(target: Target) -> Iterator[str]:
    """A database of the test's own, dropped afterwards."""
    name = f"contract_{os.getpid()}_{next(_numbers)}"
    with target.http() as http:
        assert http.post("/", content=f"CREATE DATABASE {name}").status_code == 200
        try:
            yield name
        finally:
            assert http.post("/", content=f"DROP DATABASE {name} SYNC").status_code == 200


@pytest.fixture
def http(target: Target, database: str) -> Iterator[httpx.Client]:
    """Plain HTTP in the test's database."""
    with target.http(database=database) as client:
        yield client


@pytest.fixture(params=[ByHttpx, ByClickHouseConnect], ids=["httpx", "clickhouse-connect"])
def ask(request: pytest.FixtureRequest, target: Target, database: str) -> Asking:
    """Each of the ways to ask, in the test's database."""
    way: Asking = request.param(target, database)
    return way


@pytest.fixture
def table(http: httpx.Client) -> httpx.Client:
    """Plain HTTP, and a table of numbers and texts."""
    run(http, "CREATE TABLE t (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    return http
