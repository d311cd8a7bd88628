"""The embedded stack for tests: real servers on free ports, in a temporary home.

One stack serves a whole test session. Servers start when a test first asks
for them, so that a suite that needs ClickHouse alone does not pay for Flink.
In a ``conftest.py``::

    from tests.stack import *  # noqa: F403
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hailstream.errors import HailstreamError
from hailstream.local.jars import CHECKOUT, ensure_jars
from hailstream.local.stack import Stack
from hailstream.local.topics_admin import create_topics, delete_topics
from hailstream.settings import LOOPBACK, Settings

__all__ = ["bare_namespace", "free_ports", "namespace", "servers", "stack", "wait_until"]

PORTS = (
    "kafka_port",
    "kafka_controller_port",
    "registry_port",
    "registry_management_port",
    "redis_port",
    "clickhouse_port",
    "flink_port",
    "flink_rpc_port",
    "metrics_port",
)

EXTERNAL = ("kafka_bootstrap", "registry_url", "redis_url", "clickhouse_url", "flink_url")

#: Starts services by name, if they do not run yet, and returns the settings they run with.
Servers = Callable[..., Settings]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, outside the range from which connections get theirs."""
    with ExitStack() as probes:
        ports: list[int] = []
        candidate = 20_000 + int(uuid4()) % 10_000
        while len(ports) < count:
            candidate = candidate + 1 if candidate < 32_000 else 20_000
            probe = probes.enter_context(socket.socket())
            try:
                probe.bind((LOOPBACK, candidate))
            except OSError:
                continue
            ports.append(candidate)
        return ports


def wait_until(predicate: Callable[[], object], timeout: float, message: str) -> None:
    """Poll until ``predicate`` is true; AssertionError with ``message`` after ``timeout`` seconds."""
    expiry = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > expiry:
            raise AssertionError(f"{message} (waited {timeout:g} s)")
        time.sleep(0.05)


def plain_settings(home: Path, **changes: object) -> Settings:
    """Settings in ``home`` on free ports, embedded throughout whatever the environment names."""
    values: dict[str, Any] = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    values |= dict.fromkeys(EXTERNAL) | {"home": home} | changes
    return Settings(_env_file=None, **values)


def embedded_settings(home: Path, **changes: object) -> Settings:
    """As `plain_settings`, with ``home`` linked to the checkout's JVM parts, so that they are not brought twice."""
    parts = Path(os.environ.get("HAILSTREAM_HOME", CHECKOUT / ".hailstream")).expanduser().resolve()
    ensure_jars(parts)
    home.mkdir(parents=True, exist_ok=True)
    for name in ("jars", "apicurio"):
        if not (home / name).exists():
            (home / name).symlink_to(parts / name)
    return plain_settings(home, **changes)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Call with names of services, e.g. ``servers("kafka", "redis")``; all of them run on until the session ends."""
    # Not pytest's own folder, whose name grows beyond what a unix socket's path may have.
    home = Path(tempfile.mkdtemp(prefix="hs-"))
    started: set[str] = set()
    settings = embedded_settings(home)
    embedded = Stack(settings)

    def start(*names: str) -> Settings:
        if set(names) - started:
            embedded.up(names)
            started.update(names)
        return settings

    try:
        yield start
    finally:
        embedded.down()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(servers: Servers) -> Settings:
    """Settings of the whole embedded stack, running."""
    return servers("kafka", "registry", "redis", "clickhouse", "flink")


@pytest.fixture
def bare_namespace(servers: Servers) -> Settings:
    """Settings with a namespace that nobody else uses; nothing is started or created."""
    return servers().model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})


@pytest.fixture
def namespace(servers: Servers, bare_namespace: Settings) -> Iterator[Settings]:
    """Settings with a fresh namespace whose topics exist; Kafka and the registry run."""
    servers("kafka", "registry")
    create_topics(bare_namespace)
    yield bare_namespace
    with suppress(HailstreamError):  # a test of failures may have left the broker down
        delete_topics(bare_namespace)
