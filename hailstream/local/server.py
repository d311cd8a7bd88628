"""What the embedded stack knows of a service and of each program that makes it up."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hailstream.local.jars import Jars
from hailstream.settings import LOOPBACK, Settings

CHECK_TIMEOUT = 3.0


class NotReadyError(Exception):
    """The service does not answer as it should; the message says how."""


@dataclass(frozen=True)
class Server:
    """One program under the process manager.

    Attributes:
        name: as `status` and `logs` show it, ``flink-taskmanager``.
        command: runs in the foreground and is, or becomes, the server itself.
        ports: each port it listens on, by the setting that moves it.
        data: folder below home that holds what it must keep; survives `down`.
        check: raises NotReadyError unless the server does its work.
        environment: added to the manager's.
        files: configuration files written before it starts, by path.
        prepare: run once per start before the program, e.g. to format storage.
        first_steps: run when it answers, before it counts as ready.
        expiry: seconds it may take to get ready.
        settle: seconds it must live to count as started; a program that dies
            sooner is retried a few times and then given up as crashed.
        stop_wait: seconds between the stop signal and the kill.
    """

    name: str
    command: tuple[str, ...]
    ports: Mapping[str, int]
    data: Path
    check: Callable[[], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    first_steps: Callable[[], None] | None = None
    expiry: float = 120.0
    settle: int = 10
    stop_wait: int = 15

    @property
    def port(self) -> int | None:
        """The port that clients use: the first one."""
        return next(iter(self.ports.values()), None)


@dataclass(frozen=True)
class Service:
    """Something the pipeline needs, embedded or external.

    Attributes:
        name: what `up --only` takes: ``kafka``.
        external: the address when the settings name an external one.
        check: raises NotReadyError unless it answers at the settings' address.
        servers: the programs of the embedded one.
        needs_jars: whether ``servers`` needs the JVM parts.
        before_stop: run before any program is stopped; must not raise.
    """

    name: str
    external: Callable[[Settings], str | None]
    check: Callable[[Settings], None]
    servers: Callable[[Settings, Jars], tuple[Server, ...]]
    needs_jars: bool = True
    before_stop: Callable[[Settings], None] | None = None


def without_credentials(address: str) -> str:
    """The address as it may be shown: no user, no password."""
    scheme, separator, rest = address.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def check_open(port: int) -> None:
    """Raise NotReadyError unless something listens on the loopback port.

    Asked before clients that log loudly when nobody answers.
    """
    try:
        with socket.create_connection((LOOPBACK, port), timeout=CHECK_TIMEOUT):
            return
    except OSError as error:
        raise NotReadyError(f"nobody answers on port {port}") from error


def get(url: str, *, auth: tuple[str, str] | None = None, ca_file: Path | None = None) -> httpx.Response:
    """GET with a short expiry, past any proxy of the environment for loopback.

    Raises:
        NotReadyError: no answer, or one that is not a success.
    """
    try:
        with httpx.Client(
            verify=_trust(url, ca_file), trust_env=LOOPBACK not in url, timeout=CHECK_TIMEOUT, auth=auth
        ) as client:
            response = client.get(url)
            response.raise_for_status()
            return response
    except httpx.HTTPStatusError as error:
        raise NotReadyError(f"answers {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise NotReadyError(f"does not answer ({type(error).__name__})") from error


def _trust(url: str, ca_file: Path | None) -> bool | ssl.SSLContext:
    if url.startswith("http:"):
        return False  # nothing to verify, and loading the certificates is dear in a loop of checks
    return True if ca_file is None else ssl.create_default_context(cafile=ca_file)
