"""Processes are found by their mark."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from hailstream.local.processes import MARK, end_stack, of_stack, wait_for_end

SLEEP = "import signal, time; {}print('up', flush=True); time.sleep(60)"
IGNORING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); "


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _start(started: ExitStack, home: Path, before: str = "", arguments: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", SLEEP.format(before), *arguments],
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
    assert [process.wait(5) for process in ours] == [-15, -15]
    assert other.poll() is None


def test_a_process_that_ignores_the_request_to_end_is_killed(
    started: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hailstream.local.processes.TERM_SECONDS", 0.1)
    stubborn = _start(started, tmp_path, IGNORING)
    end_stack(tmp_path)
    assert stubborn.wait(5) == -9


def test_who_asks_is_not_ended_even_if_it_bears_the_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = psutil.Process()
    monkeypatch.setattr(psutil, "process_iter", lambda: [own])
    monkeypatch.setattr(own, "environ", lambda: {MARK: str(tmp_path)})
    assert of_stack(tmp_path) == []


def test_a_zombie_that_nobody_collects_counts_as_ended(started: ExitStack, tmp_path: Path) -> None:
    process = _start(started, tmp_path)
    process.kill()  # and not waited for: it stays in the process table
    assert wait_for_end([psutil.Process(process.pid)], 5) == []
    assert psutil.pid_exists(process.pid)
    assert of_stack(tmp_path) == []


def test_a_new_taskmanager_ends_the_workers_of_the_old_one_and_no_other_server(
    started: ExitStack, tmp_path: Path
) -> None:
    server = _start(started, tmp_path)
    worker = _start(started, tmp_path, arguments=("pyflink.fn_execution.beam.beam_boot",))
    foreign = _start(started, tmp_path / "other", arguments=("pyflink.fn_execution.beam.beam_boot",))
    done = subprocess.run(
        [sys.executable, "-m", "hailstream.local.taskmanager", str(tmp_path), "/bin/echo", "the command ran"],
        env={**os.environ, MARK: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["ended 1 Python workers of an earlier TaskManager", "the command ran"]
    assert worker.wait(5) == -9
    assert server.poll() is None
    assert foreign.poll() is None
