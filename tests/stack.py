"""The embedded stack for tests: real servers on free ports, in a temporary home.

One stack serves a whole test session. Servers start when a test first asks
for them, so that a suite that needs ClickHouse alone does not pay for Flink.
``tests/conftest.py`` makes the fixtures known.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from hailstream.errors import HailstreamError
from hailstream.local.apart import free_ports, link_parts, settings_apart
from hailstream.local.jars import CHECKOUT
from hailstream.local.stack import Stack
from hailstream.local.topics_admin import create_topics, delete_topics
from hailstream.settings import LOOPBACK, Settings
from tests.s3 import s3_server

__all__ = ["bare_namespace", "bucket", "namespace", "servers", "stack", "wait_until"]

#: Starts services by name, if they do not run yet, and returns the settings they run with.
Servers = Callable[..., Settings]


def wait_until(predicate: Callable[[], object], timeout: float, message: str) -> None:
    """Poll until ``predicate`` is true; AssertionError with ``message`` after ``timeout`` seconds."""
    expiry = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > expiry:
            raise AssertionError(f"{message} (waited {timeout:g} s)")
        time.sleep(0.05)


def embedded_settings(home: Path) -> Settings:
    """Settings in ``home`` on free ports, with the checkout's JVM parts."""
    link_parts(home, Path(os.environ.get("HAILSTREAM_HOME", CHECKOUT / ".hailstream")).expanduser().resolve())
    # Two of each operator, so that what is cut in parts by an exchange is put together again. Job city
    # is what a compiled plan can hold, unless a test says otherwise.
    jobs = {"parallelism": 2, "city_jobs": "zone_counts,revenue"}
    # Those that run side by side are over before the optimising compiler has earned what it takes.
    compiled = "-XX:TieredStopAtLevel=1" if "PYTEST_XDIST_WORKER" in os.environ else ""
    # No test asks for a latency.
    cheap = {"java_options": compiled, "buffer_timeout": 0.1, "checkpoint_interval": 2.0}
    # Flink is told of an S3 server when it starts; that runs only where a test asks for it.
    [port] = free_ports(1)
    s3 = {"s3_endpoint": f"http://{LOOPBACK}:{port}", "s3_access_key": "test", "s3_secret_key": SecretStr("s3 secret")}
    return settings_apart(home, **jobs, **cheap, **s3)


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


@pytest.fixture(scope="session")
def bucket(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The ``s3://`` address of a bucket on a real S3 server, which is the one of the stack's settings."""
    with s3_server(servers(), tmp_path_factory.mktemp("s3")) as address:
        yield address


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
