"""What the stack refuses before it starts anything."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from hailstream.errors import HailstreamError
from hailstream.local import flink, kafka
from hailstream.local.apart import free_ports, settings_apart
from hailstream.local.jars import Jars
from hailstream.local.processes import of_stack
from hailstream.local.stack import Stack, check_ports


def test_a_taken_port_is_named_with_its_owner_and_the_setting_that_moves_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stack = Stack(settings_apart(tmp_path, redis_port=port))
        with pytest.raises(HailstreamError) as caught:
            stack.up(only=["redis"])
    assert f"redis cannot start: port {port} is taken by process {os.getpid()}" in caught.value.message
    assert "HAILSTREAM_REDIS_PORT" in caught.value.hint
    assert of_stack(tmp_path) == [], "nothing was started"


def test_a_second_port_of_a_server_is_guarded_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = kafka.server(
            settings_apart(tmp_path, kafka_controller_port=port), Jars((), tmp_path / "jars", tmp_path / "apicurio")
        )
        with pytest.raises(HailstreamError, match=str(port)) as caught:
            check_ports([server])
    assert "HAILSTREAM_KAFKA_CONTROLLER_PORT" in caught.value.hint


def test_given_options_of_java_come_behind_our_own_before_the_class_path(tmp_path: Path) -> None:
    settings = settings_apart(tmp_path, java_options="-Xmx1g  -Xlog:gc")
    jars = Jars((), tmp_path / "jars", tmp_path / "apicurio")
    commands = {
        server.name: server.command for server in (kafka.server(settings, jars), *flink.servers(settings, jars))
    }
    for name in ("kafka", "flink-taskmanager"):
        at = commands[name].index("-cp")
        assert commands[name][at - 2 : at] == ("-Xmx1g", "-Xlog:gc"), commands[name]
    assert "-Xlog:gc" not in commands["flink-jobmanager"]


def test_an_unknown_service_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="'spark'") as caught:
        Stack(settings_apart(tmp_path)).up(only=["redis", "spark"])
    assert "kafka, registry, redis, clickhouse, flink" in caught.value.hint
    assert caught.value.exit_code == 2


def test_an_external_service_that_is_away_is_said_so_and_its_password_is_not(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = settings_apart(tmp_path, redis_url=SecretStr(f"redis://me:hunter2@127.0.0.1:{port}/0"))
    with pytest.raises(HailstreamError, match=f"external redis at redis://127.0.0.1:{port}/0") as caught:
        Stack(settings).up(only=["redis"])
    assert "hunter2" not in caught.value.message + caught.value.hint
    status = {server.name: server for server in Stack(settings).status()}["redis"]
    assert status.state == "unreachable"
    assert "hunter2" not in status.detail


@pytest.mark.parametrize(
    ("setting", "name"), [("kafka_bootstrap", "kafka"), ("registry_url", "registry"), ("clickhouse_url", "clickhouse")]
)
def test_status_asks_an_external_service_and_shows_no_password(tmp_path: Path, setting: str, name: str) -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}" if name == "kafka" else f"http://me:hunter2@127.0.0.1:{port}"
    status = {server.name: server for server in Stack(settings_apart(tmp_path, **{setting: address})).status()}[name]
    assert status.state == "unreachable"
    assert f"127.0.0.1:{port}" in status.detail
    assert "hunter2" not in status.detail


@pytest.mark.parametrize("folder", ["none", "n" * 120])
def test_a_stack_that_was_never_started_is_stopped_and_down_is_harmless(tmp_path: Path, folder: str) -> None:
    stack = Stack(settings_apart(tmp_path / folder))
    assert {server.state for server in stack.status()} == {"stopped"}
    assert stack.down() == 0
    assert not (tmp_path / folder).exists(), "asking leaves nothing behind"


def test_down_with_purge_deletes_the_data_and_keeps_the_parts_and_what_is_not_ours(tmp_path: Path) -> None:
    for folder in ("data/kafka", "logs", "run", "jars/kafka", "files"):
        (tmp_path / folder).mkdir(parents=True)
    Stack(settings_apart(tmp_path)).down(purge=True)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"jars", "files"}


def test_the_log_of_an_unknown_server_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="'spark'") as caught:
        Stack(settings_apart(tmp_path)).log_path("spark")
    assert "flink-taskmanager" in caught.value.hint
