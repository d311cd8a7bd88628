"""Processes are found by their mark and ports by who listens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from hailstream.local.processes import MARK, end_stack, is_free, of_stack, owner_of

SLEEP = "import signal, time; {}print('up', flush=True); time.sleep(60)"
IGNORING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _start(started: ExitStack, home: Path, before: str = "") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", SLEEP.format(before)],
        env={**os.environ, MARK: str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    started.callback(process.wait)
    started.callback(process.kill)
    assert process.stdout is not None
    started.callback(process.stdout.close)
    assert process.stdout.readline() == "up\n"
    return process


def test_every_process_of_the_home_is_ended_and_those_of_another_home_live(started: ExitStack, tmp_path: Path) -> None:
    ours = [_start(started, tmp_path / "ours"), _start(started, tmp_path / "ours")]
    other = _start(started, tmp_path / "ours too")
    assert {process.pid for process in of_stack(tmp_path / "ours")} == {process.pid for process in ours}
    assert end_stack(tmp_path / "ours") == 2
    assert not any(psutil.pid_exists(process.pid) for process in ours)
    assert other.poll() is None


def test_a_process_that_ignores_the_request_to_end_is_killed(
    started: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hailstream.local.processes.TERM_SECONDS", 0.1)
    stubborn = _start(started, tmp_path, IGNORING)
    end_stack(tmp_path)
    assert not psutil.pid_exists(stubborn.pid)


def test_who_asks_is_not_ended_even_if_it_bears_the_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = psutil.Process()
    monkeypatch.setattr(psutil, "process_iter", lambda: [own])
    monkeypatch.setattr(own, "environ", lambda: {MARK: str(tmp_path)})
    assert of_stack(tmp_path) == []


def test_the_owner_of_a_taken_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
        owner = owner_of(port)
        assert owner is not None
        assert owner.pid == os.getpid()
    assert is_free(port)
    assert owner_of(port) is None
