"""Fixtures of the loader's tests, for a conftest to import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hailstream.local import clickhouse, redis
from hailstream.local.apart import free_ports
from hailstream.local.jars import Jars
from hailstream.settings import Settings
from tests.contract.loader.servers import RunningServer

__all__ = ["own_clickhouse", "own_redis"]

NO_JARS = Jars((), Path(), Path())


@pytest.fixture
def own_redis(bare_namespace: Settings, tmp_path: Path) -> Iterator[tuple[Settings, RunningServer]]:
    """A Redis of the test's own, which it may kill."""
    settings = bare_namespace.model_copy(update={"redis_port": free_ports(1)[0], "home": tmp_path})
    server = RunningServer(redis.server(settings, NO_JARS), tmp_path / "redis.log")
    server.start()
    yield settings, server
    server.stop()


@pytest.fixture
def own_clickhouse(bare_namespace: Settings, tmp_path: Path) -> Iterator[tuple[Settings, RunningServer]]:
    """A ClickHouse of the test's own, which it may kill."""
    settings = bare_namespace.model_copy(update={"clickhouse_port": free_ports(1)[0], "home": tmp_path})
    server = RunningServer(clickhouse.server(settings, NO_JARS), tmp_path / "clickhouse.log")
    server.start()
    yield settings, server
    server.stop()
