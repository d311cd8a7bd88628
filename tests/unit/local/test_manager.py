"""What the process manager is told."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from hailstream.errors import HailstreamError
from hailstream.local.manager import Manager, render, socket_path
from hailstream.local.server import Server


def _server(**changes: object) -> Server:
    values: dict[str, object] = {
        "name": "redis",
        "command": ("/bin/redis-server", "/a folder/100%/redis.conf"),
        "ports": {"HAILSTREAM_REDIS_PORT": 1},
        "data": Path("/data"),
        "check": lambda: None,
    }
    return Server(**{**values, **changes})  # type: ignore[arg-type]


def _read_back(text: str, folder: Path) -> ServerOptions:
    """The configuration as supervisord itself reads it."""
    file = folder / "supervisord.conf"
    file.write_text(text)
    options = ServerOptions()
    options.realize(["-c", str(file)])
    return options


def test_the_manager_reads_back_a_command_with_blanks_and_per_cent_signs(tmp_path: Path) -> None:
    home = tmp_path / "a home 50%"
    (home / "logs").mkdir(parents=True)
    (home / "run").mkdir()
    server = _server(environment={"PYTHONPATH": "/a b/c,d=e%", "EMPTY": ""})
    options = _read_back(render([server], home), tmp_path)
    (group,) = options.process_group_configs
    (program,) = group.process_configs
    assert tuple(shlex.split(program.command)) == server.command
    assert program.environment["PYTHONPATH"] == "/a b/c,d=e%"
    assert program.environment["EMPTY"] == ""
    assert program.stdout_logfile == str(home / "logs" / "redis.log")
    assert not program.autostart
    assert program.killasgroup


def test_a_changed_configuration_file_is_a_changed_program(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "run").mkdir()

    def environment(text: str) -> object:
        options = _read_back(render([_server(files={Path("/x.conf"): text})], tmp_path), tmp_path)
        return options.process_group_configs[0].process_configs[0].environment

    assert environment("port 1") != environment("port 2")
    assert environment("port 1") == environment("port 1")


def test_a_path_that_supervisor_cannot_carry_is_refused_with_the_setting_that_helps(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="quote") as caught:
        render([_server(environment={"X": '/home/"me"'})], tmp_path)
    assert "HAILSTREAM_HOME" in caught.value.hint


def test_the_socket_of_a_long_home_is_short_enough_and_is_found_again(tmp_path: Path) -> None:
    run = tmp_path / ("long" * 30) / "run"
    path = socket_path(run)
    try:
        assert path == socket_path(run)
        assert path.parent.stat().st_mode & 0o077 == 0, "nobody else may reach the manager"
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(f"{path}.4194304")  # as supervisor does, with the longest process id
    finally:
        Path(f"{path}.4194304").unlink(missing_ok=True)
        Manager(run.parent).forget_socket()
    assert not path.parent.exists()


def test_the_socket_of_a_short_home_is_in_it() -> None:
    assert socket_path(Path("/home/me/run")) == Path("/home/me/run/supervisor.sock")


def test_a_manager_that_does_not_run_has_no_programs(tmp_path: Path) -> None:
    manager = Manager(tmp_path)
    assert not manager.is_running()
    assert manager.processes() == {}


def test_a_socket_left_by_a_manager_that_was_killed_is_not_taken_for_a_running_one(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path(tmp_path / "run")))
    assert not Manager(tmp_path).is_running()


def test_the_tail_of_a_log_is_its_last_lines_whatever_bytes_it_has(tmp_path: Path) -> None:
    manager = Manager(tmp_path)
    (tmp_path / "logs").mkdir()
    manager.log_path("redis").write_bytes(b"x" * 50_000 + b"\nlast but one\n\xff last\n")
    assert manager.log_tail("redis", 2) == "last but one\n� last"
    assert manager.log_tail("nothing") == ""
