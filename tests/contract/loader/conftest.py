"""Servers for the loader's contract tests."""

from tests.contract.loader.fixtures import (
    clickhouse_server,
    kafka_server,
    loader_settings,
    new_namespace,
    redis_server,
    settings,
)

__all__ = ["clickhouse_server", "kafka_server", "loader_settings", "new_namespace", "redis_server", "settings"]
