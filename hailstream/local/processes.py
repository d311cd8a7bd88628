"""Processes of ours, found by a mark in their environment."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

#: Every process of a stack inherits it, down to Flink's Python workers; its value is the home folder.
MARK = "HAILSTREAM_STACK"
TERM_SECONDS = 2.0
KILL_SECONDS = 5.0
POLL_SECONDS = 0.05


def of_stack(home: Path) -> list[psutil.Process]:
    """Every process that belongs to the stack of ``home``, however it was orphaned."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == str(home):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def end(processes: Sequence[psutil.Process]) -> None:
    """Ask them to end, then kill those that have not after a few seconds.

    psutil compares the creation time, so a number that was given to another
    process meanwhile is left alone.
    """
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    alive = wait_for_end(processes, TERM_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    wait_for_end(alive, KILL_SECONDS)


def wait_for_end(processes: Sequence[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Wait until they have ended; returns those that have not after ``timeout`` seconds.

    A zombie has ended: where nobody collects orphans, as in many containers,
    they stay zombies for ever.
    """
    expiry = time.monotonic() + timeout
    while (alive := [process for process in processes if is_alive(process)]) and time.monotonic() < expiry:
        time.sleep(POLL_SECONDS)
    return alive


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_stack(home: Path) -> int:
    """End every process of the stack of ``home``; returns how many there were."""
    count = 0
    # Again, in case one of them started another while we looked.
    while found := of_stack(home):
        count += len(found)
        end(found)
    return count
