"""The embedded stack on real processes: up, kills, down."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from hailstream.errors import HailstreamError
from hailstream.local.apart import free_ports, settings_apart
from hailstream.local.ports import is_free
from hailstream.local.processes import is_alive, of_stack
from hailstream.local.stack import ServerStatus, Stack
from hailstream.settings import Settings
from hailstream.topics import TRIPS_STARTED
from tests.stack import Servers, wait_until

ALL = {"kafka", "registry", "redis", "clickhouse", "flink-jobmanager", "flink-taskmanager"}


def _status(settings: Settings) -> dict[str, ServerStatus]:
    return {server.name: server for server in Stack(settings).status()}


def _pid(settings: Settings, name: str) -> int:
    pid = _status(settings)[name].pid
    assert pid is not None
    return pid


def _kill_and_wait(settings: Settings, name: str, timeout: float = 90) -> None:
    """Kill -9 and wait until the manager's new process does its work."""
    old = _pid(settings, name)
    os.kill(old, signal.SIGKILL)

    def is_back() -> bool:
        status = _status(settings)[name]
        return status.state == "ready" and status.pid != old

    wait_until(is_back, timeout, f"{name} did not come back after a kill")


def _hailstream(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The commands of the stack in a process of their own."""
    code = (
        "import typer, hailstream.local.commands as c; app = typer.Typer(pretty_exceptions_enable=False);"
        " c.register(app); app()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **settings.as_environment(), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a stack of its own, for tests that break it; stopped at the end."""
    settings = settings_apart(tmp_path)
    try:
        yield settings
    finally:
        Stack(settings).down()


def test_every_server_of_the_whole_stack_is_ready_and_a_second_up_changes_nothing(stack: Settings) -> None:
    # One that another test has killed is there again, but not for long enough to be called ready at once.
    ready = dict.fromkeys(ALL, "ready")
    wait_until(lambda: {name: s.state for name, s in _status(stack).items()} == ready, 30, "a server is not ready")
    before = _status(stack)
    Stack(stack).up()
    assert {name: server.pid for name, server in _status(stack).items()} == {
        name: server.pid for name, server in before.items()
    }


def test_every_port_is_on_loopback_only(stack: Settings) -> None:
    ours = {process.pid for process in of_stack(stack.home_dir)}
    listening = [
        connection
        for connection in psutil.net_connections(kind="inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 9
    assert {connection.laddr.ip.removeprefix("::ffff:") for connection in listening} <= {"127.0.0.1", "::1"}


def test_a_killed_broker_comes_back_with_its_topics(stack: Settings, namespace: Settings) -> None:
    _kill_and_wait(stack, "kafka")
    topics = AdminClient(stack.kafka_config()).list_topics(timeout=10).topics
    assert TRIPS_STARTED.name(namespace.namespace) in topics


def test_a_killed_taskmanager_comes_back_with_its_slots(stack: Settings) -> None:
    _kill_and_wait(stack, "flink-taskmanager")

    def all_slots() -> bool:
        overview = httpx.get(f"{stack.flink_address}/overview").json()
        return overview["taskmanagers"] == 1 and overview["slots-total"] == stack.task_slots

    wait_until(all_slots, 30, "the dead TaskManager is still counted, or the new one is not")


def test_the_registrys_default_is_backward_and_a_persons_choice_is_not_overruled(servers: Servers) -> None:
    settings = servers("registry")
    config = f"{settings.registry_address}/config"
    assert httpx.get(config).json() == {"compatibilityLevel": "BACKWARD"}
    try:
        httpx.put(config, json={"compatibility": "FULL"}).raise_for_status()
        Stack(settings).up(only=["registry"])
        assert httpx.get(config).json() == {"compatibilityLevel": "FULL"}
    finally:
        httpx.put(config, json={"compatibility": "BACKWARD"}).raise_for_status()


def test_down_leaves_no_process_and_no_port_taken(light: Settings) -> None:
    Stack(light).up(only=["redis", "clickhouse"])
    ours = of_stack(light.home_dir)
    assert len(ours) >= 3, "the manager and two servers"
    Stack(light).down()
    assert not any(is_alive(process) for process in ours)
    assert is_free(light.redis_port)
    assert is_free(light.clickhouse_port)
    assert {server.state for server in _status(light).values()} == {"stopped"}


def test_what_was_acknowledged_survives_down_and_up(light: Settings) -> None:
    import redis

    Stack(light).up(only=["redis"])
    with redis.Redis.from_url(light.redis_address) as client:
        client.set("kept", "yes")
    Stack(light).down()
    Stack(light).up(only=["redis"])
    with redis.Redis.from_url(light.redis_address) as client:
        assert client.get("kept") == b"yes"


def test_a_manager_that_was_killed_leaves_orphans_that_status_names_and_down_ends(light: Settings) -> None:
    Stack(light).up(only=["redis"])
    redis = psutil.Process(_pid(light, "redis"))
    manager = psutil.Process(int((light.home_dir / "run" / "supervisord.pid").read_text()))
    manager.kill()
    wait_until(lambda: not is_alive(manager), 10, "the manager lives")
    assert is_alive(redis)
    assert _status(light)["redis"].state == "orphaned"
    assert Stack(light).down() == 1
    assert not is_alive(redis)


def test_up_after_the_manager_was_killed_starts_anew_past_its_own_orphans(light: Settings) -> None:
    Stack(light).up(only=["redis"])
    orphan = psutil.Process(_pid(light, "redis"))
    os.kill(int((light.home_dir / "run" / "supervisord.pid").read_text()), signal.SIGKILL)
    Stack(light).up(only=["redis"])
    status = _status(light)["redis"]
    assert status.state == "ready"
    assert status.pid != orphan.pid
    assert not is_alive(orphan)


def test_a_server_that_crashes_is_named_with_its_exit_code_and_last_words(light: Settings) -> None:
    data = light.home_dir / "data" / "redis"
    data.mkdir(parents=True)
    (data / "appendonly.aof").write_text("this is no append only file")
    with pytest.raises(HailstreamError, match="redis crashed as it started: exit code 1") as caught:
        Stack(light).up(only=["redis"])
    assert "Bad file format" in caught.value.message

    def is_given_up() -> bool:
        # The manager tries a few times more, and meanwhile it is starting.
        status = _status(light)["redis"]
        return status.state == "crashed" and "started again" not in status.detail

    wait_until(is_given_up, 90, "redis is not given up")
    shown = _hailstream(light, "status")
    assert shown.returncode == 1
    assert "redis" in shown.stdout
    assert "crashed" in shown.stdout
    assert "exit code 1" in shown.stdout
    logs = _hailstream(light, "logs", "redis", "--lines", "100")
    assert "Bad file format" in logs.stdout


def test_a_killed_server_is_started_again_by_the_manager(light: Settings) -> None:
    Stack(light).up(only=["redis"])
    _kill_and_wait(light, "redis", 30)


def test_two_ups_at_once_start_each_server_once(light: Settings) -> None:
    failures: list[BaseException] = []

    def up() -> None:
        try:
            Stack(light).up(only=["redis"])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(of_stack(light.home_dir)) == 2, "one manager, one Redis"


def test_a_server_whose_port_was_moved_answers_on_the_new_one_after_up(light: Settings) -> None:
    Stack(light).up(only=["redis", "clickhouse"])
    untouched = _pid(light, "clickhouse")
    (port,) = free_ports(1)
    moved = light.model_copy(update={"redis_port": port})
    Stack(moved).up(only=["redis"])
    assert _status(moved)["redis"].state == "ready"
    assert is_free(light.redis_port)
    assert _pid(moved, "clickhouse") == untouched


def test_a_home_with_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    settings = settings_apart(tmp_path / ("a long name 100% " * 8).strip())
    stack = Stack(settings)
    try:
        stack.up(only=["redis"])
        assert _status(settings)["redis"].state == "ready"
    finally:
        stack.down()
    assert of_stack(settings.home_dir) == []


def test_an_external_server_is_used_and_not_started(servers: Servers, light: Settings) -> None:
    there = servers("redis")
    settings = light.model_copy(update={"redis_url": SecretStr(there.redis_address)})
    Stack(settings).up(only=["redis"])
    assert of_stack(settings.home_dir) == []
    status = _status(settings)["redis"]
    assert (status.state, status.pid) == ("external", None)
    assert str(there.redis_port) in status.detail


def test_a_stack_does_not_take_the_port_of_another_one_and_says_whose_it_is(servers: Servers, light: Settings) -> None:
    other = servers("redis")
    with pytest.raises(HailstreamError, match=f"port {other.redis_port} is taken") as caught:
        Stack(light.model_copy(update={"redis_port": other.redis_port})).up(only=["redis"])
    assert str(other.home_dir) in caught.value.message
    assert _status(other)["redis"].state == "ready"


def test_the_commands_start_show_and_stop_the_stack(light: Settings) -> None:
    up = _hailstream(light, "up", "--only", "redis")
    assert up.returncode == 0, up.stderr
    assert "redis" in up.stderr
    shown = {server["name"]: server for server in json.loads(_hailstream(light, "status", "--json").stdout)}
    assert shown["redis"]["state"] == "ready"
    assert shown["kafka"]["state"] == "stopped"
    down = _hailstream(light, "down", "--purge")
    assert down.returncode == 0, down.stderr
    assert not (light.home_dir / "data").exists()
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", light.redis_port), 1):
        pytest.fail("redis still answers")
