"""Servers for the loader's contract tests."""

import pytest

from hailstream.settings import Settings
from tests.contract.loader.fixtures import *  # noqa: F403
from tests.stack import Servers


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings) -> Settings:
    """A namespace that nothing was written to yet, on a ClickHouse and a Redis that run."""
    servers("clickhouse", "redis")
    return bare_namespace
