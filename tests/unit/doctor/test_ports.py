"""Whose port is it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hailstream.doctor import Status
from hailstream.doctor.ports import PORTS, check_ports
from hailstream.local.apart import free_ports
from hailstream.local.processes import MARK
from hailstream.settings import Settings

LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
)


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that this very process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def settings(home: Path, **ports: int) -> Settings:
    """Settings whose ports are all free but the given ones."""
    # Neighbours stay out: some servers take the port beside their own.
    free = dict(zip(PORTS, free_ports(3 * len(PORTS))[1::3], strict=True))
    return Settings(home=home, **(free | ports))  # type: ignore[arg-type]


def test_a_port_of_a_strange_process_names_the_process_and_the_setting(tmp_path: Path, listener: int) -> None:
    errors = [f for f in check_ports(settings(tmp_path, redis_port=listener)) if f.status is Status.ERROR]
    assert [str(listener) in e.found and "process" in e.found for e in errors] == [True]
    assert "HAILSTREAM_REDIS_PORT" in errors[0].action


def test_a_port_of_a_process_with_our_mark_is_ours_and_another_stacks_is_named(tmp_path: Path) -> None:
    env = os.environ | {MARK: str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        mine = list(check_ports(settings(tmp_path, redis_port=port)))
        other = list(check_ports(settings(tmp_path / "other", redis_port=port)))
        process.communicate("\n")
    assert {f.status for f in mine} == {Status.OK}
    assert [f.found for f in mine if "this stack" in f.found] == [f"used by this stack: {port}"]
    assert [str(tmp_path) in f.found for f in other if f.status is Status.ERROR] == [True]


def test_two_settings_with_one_port_are_an_error_even_while_it_is_free(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    findings = list(check_ports(settings(tmp_path, redis_port=port, flink_port=port)))
    (clash,) = [f for f in findings if f.status is Status.ERROR]
    assert "HAILSTREAM_REDIS_PORT" in clash.found
    assert "HAILSTREAM_FLINK_PORT" in clash.found


def test_the_port_above_the_metrics_port_is_needed_too(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    findings = list(check_ports(settings(tmp_path, metrics_port=port, clickhouse_port=port + 1)))
    assert any("CLICKHOUSE_PORT" in f.found and "METRICS_PORT" in f.found for f in findings)


def test_ports_of_an_external_server_are_passed_over(tmp_path: Path, listener: int) -> None:
    external = settings(tmp_path, redis_port=listener).model_copy(update={"redis_url": "redis://elsewhere"})
    assert {f.status for f in check_ports(external)} == {Status.OK}


def test_every_port_setting_is_checked() -> None:
    assert set(PORTS) == {name for name in Settings.model_fields if name.endswith("_port")}
