"""Fixtures of the loader's tests; a conftest of each folder that needs them imports this."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hailstream.local import clickhouse, kafka, redis
from hailstream.local.jars import Jars
from hailstream.settings import Settings, load_settings
from tests.contract.loader.registry_stub import RegistryStub
from tests.contract.loader.servers import RunningServer, free_ports

ROOT = Path(__file__).resolve().parents[3]
_numbers = itertools.count(1)


def local_settings(home: Path, **overrides: object) -> Settings:
    """Settings of servers on free ports."""
    ports = dict(
        zip(("kafka_port", "kafka_controller_port", "redis_port", "clickhouse_port", "metrics_port"), free_ports(5), strict=True)
    )
    return load_settings(home=home, _env_file=None, **(ports | overrides))


def jars() -> Jars:
    folder = ROOT / ".hailstream" / "jars"
    if not (folder / "kafka").is_dir():
        pytest.skip(f"needs the Kafka jars in {folder}: `make install` brings them")
    return Jars((), folder / "kafka", folder / "apicurio")


@pytest.fixture(scope="session")
def loader_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of servers that this session shares."""
    stub = RegistryStub()
    yield local_settings(tmp_path_factory.mktemp("loader"), registry_url=stub.url)
    stub.close()


def _run(server: RunningServer) -> Iterator[RunningServer]:
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def clickhouse_server(loader_settings: Settings) -> Iterator[RunningServer]:
    home = loader_settings.home_dir
    yield from _run(RunningServer(clickhouse.server(loader_settings, Jars((), home, home)), home / "clickhouse.log"))


@pytest.fixture(scope="session")
def redis_server(loader_settings: Settings) -> Iterator[RunningServer]:
    home = loader_settings.home_dir
    yield from _run(RunningServer(redis.server(loader_settings, Jars((), home, home)), home / "redis.log"))


@pytest.fixture(scope="session")
def kafka_server(loader_settings: Settings) -> Iterator[RunningServer]:
    home = loader_settings.home_dir
    yield from _run(RunningServer(kafka.server(loader_settings, jars()), home / "kafka.log"))


@pytest.fixture
def new_namespace(loader_settings: Settings) -> Callable[[], Settings]:
    """Settings of a namespace that nothing was written to yet."""
    return lambda: loader_settings.model_copy(update={"namespace": f"test{next(_numbers)}"})


@pytest.fixture
def settings(new_namespace: Callable[[], Settings]) -> Settings:
    return new_namespace()
