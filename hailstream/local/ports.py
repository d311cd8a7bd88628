"""Whether a port is free, and who has it."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass

import psutil

from hailstream.local.processes import MARK
from hailstream.settings import LOOPBACK


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
