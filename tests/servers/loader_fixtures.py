"""Fixtures of the loader's tests, for their modules to import."""

from __future__ import annotations

import pytest

from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS, ZONE_REVENUE
from tests.contract.loader.fixtures import own_clickhouse, own_redis
from tests.servers.loading import Results
from tests.stack import Servers

__all__ = ["own_clickhouse", "own_redis", "results", "settings"]


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings) -> Settings:
    """A namespace without topics, on servers that run."""
    servers("kafka", "registry", "clickhouse", "redis")
    return bare_namespace


@pytest.fixture
def results(settings: Settings) -> Results:
    made = Results(settings)
    made.create(ZONE_COUNTS, ZONE_REVENUE)
    return made
