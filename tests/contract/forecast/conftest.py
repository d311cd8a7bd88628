"""A ClickHouse and a Kafka that run, and the command as people run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.local.topics_admin import delete_topics
from hailstream.settings import Settings
from hailstream.topics import FORECAST_PROFILES
from tests.stack import Servers

#: Runs ``hailstream forecast learn`` with these settings and options.
Learn = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings) -> Iterator[Settings]:
    """A namespace without database and topics."""
    servers("clickhouse", "kafka")
    yield bare_namespace
    with suppress(HailstreamError):  # there is no topic where nothing was sent
        delete_topics(bare_namespace, [FORECAST_PROFILES])


@pytest.fixture
def sink(settings: Settings) -> ClickHouseSink:
    """What loads the namespace's tables; they are there and empty."""
    made = ClickHouseSink(settings)
    made.open({})
    return made


@pytest.fixture
def learn(tmp_path: Path) -> Learn:
    """In a process of its own, away from any ``.env``."""

    def run(settings: Settings, *options: str) -> subprocess.CompletedProcess[str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("HAILSTREAM_")}
        return subprocess.run(
            [sys.executable, "-m", "hailstream.cli", "forecast", "learn", *options],
            cwd=tmp_path,
            env=others | settings.as_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
