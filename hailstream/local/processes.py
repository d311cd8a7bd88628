"""Processes of ours, found by a mark in their environment, and owners of ports."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from hailstream.settings import LOOPBACK

#: Every process of a stack inherits it, down to Flink's Python workers; its value is the home folder.
MARK = "HAILSTREAM_STACK"
TERM_SECONDS = 2.0
KILL_SECONDS = 5.0


def of_stack(home: Path) -> list[psutil.Process]:
    """Every process that belongs to the stack of ``home``, however it was orphaned."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == str(home):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def end(processes: list[psutil.Process]) -> None:
    """Ask them to end, then kill those that have not after a few seconds.

    psutil compares the creation time, so a number that was given to another
    process meanwhile is left alone.
    """
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=TERM_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=KILL_SECONDS)


def end_stack(home: Path) -> int:
    """End every process of the stack of ``home``; returns how many there were."""
    count = 0
    # Again, in case one of them started another while we looked.
    while found := of_stack(home):
        count += len(found)
        end(found)
    return count


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Owner:
    """Who listens on a port.

    Attributes:
        home: the stack it belongs to, if it is one's.
    """

    pid: int
    command: str
    home: str | None


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a former server that linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def owner_of(port: int) -> Owner | None:
    """The process that listens on ``port``; None where the system does not tell."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr and connection.laddr.port == port and connection.pid:
            home = None
            try:
                process = psutil.Process(connection.pid)
                command = process.name()
                with suppress(psutil.Error, OSError):
                    home = process.environ().get(MARK)
                return Owner(connection.pid, command, home)
            except psutil.Error:
                return None
    return None
