"""The embedded stack as a whole: up, down, status.

`up` starts what is missing, in parallel, and returns when everything answers;
`down` leaves no process behind, whatever happened to the manager before.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from hailstream.errors import HailstreamError
from hailstream.local import ports, processes
from hailstream.local.jars import Jars, ensure_jars
from hailstream.local.manager import Manager, Process
from hailstream.local.server import NotReadyError, Server, Service
from hailstream.local.services import SERVICES, select
from hailstream.local.status import FAULTY, Judge, ServerStatus, State
from hailstream.settings import Settings

__all__ = ["FAULTY", "ServerStatus", "Stack", "State", "check_ports"]

POLL_SECONDS = 0.2
CRASHES_TO_GIVE_UP = 2


class Progress(Protocol):
    """Told what `up` is doing, from several threads."""

    def download(self, file: str, done: int, total: int) -> None: ...

    def server(self, name: str, state: str) -> None: ...


class _Silent:
    def download(self, file: str, done: int, total: int) -> None:
        pass

    def server(self, name: str, state: str) -> None:
        pass


class Stack:
    """The embedded stack of one home folder.

    Args:
        settings: which services are embedded, where they listen and keep their data.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home_dir
        self.manager = Manager(self.home)
        self._judge = Judge(settings, self.manager)

    def up(self, only: Sequence[str] | None = None, progress: Progress | None = None) -> None:
        """Start the services that do not run yet and wait until each does its work.

        Args:
            only: names of services; None is all of them.

        Raises:
            HailstreamError: a port is taken, a server crashed or is not ready in
                time, an external service does not answer. What has started stays.
        """
        progress = progress or _Silent()
        wanted = select(only)
        embedded = [service for service in wanted if service.external(self.settings) is None]
        for service in wanted:
            if service not in embedded:
                self._check_external(service, progress)
        if not embedded:
            return
        self.home.mkdir(parents=True, exist_ok=True)
        with self._alone():
            jars = self._jars(embedded, progress)
            servers = [server for service in SERVICES for server in self._servers(service, jars)]
            chosen = [server for service in embedded for server in self._servers(service, jars)]
            if not self.manager.is_running():
                # Without their manager servers of ours are in the way.
                processes.end_stack(self.home)
                check_ports(chosen)
            _write_files(servers)
            self.manager.start(servers)
            running = self.manager.processes()
            missing = [server for server in chosen if running[server.name].state not in ("RUNNING", "STARTING")]
            check_ports(missing)
            self._start(missing, chosen, progress)

    def _start(self, missing: Sequence[Server], chosen: Sequence[Server], progress: Progress) -> None:
        with ThreadPoolExecutor(max(1, len(chosen))) as pool:
            to_start = {server.name for server in missing}
            waits = [pool.submit(self._bring_up, server, server.name in to_start, progress) for server in chosen]
            # Every wait has an expiry of its own; the first failure is the one to tell.
            for future in as_completed(waits):
                future.result()

    def _bring_up(self, server: Server, start: bool, progress: Progress) -> None:
        began = time.monotonic()
        if start:
            if server.prepare is not None:
                server.prepare()
            self.manager.start_program(server.name)
        self._wait(server, began)
        if server.first_steps is not None:
            server.first_steps()
        progress.server(server.name, f"ready in {time.monotonic() - began:.1f} s" if start else "runs already")

    def _wait(self, server: Server, began: float) -> None:
        starts: set[int] = set()
        reason = "was not asked yet"
        while time.monotonic() - began < server.expiry:
            process = self.manager.processes().get(server.name)
            if process is None or process.state == "STOPPED":
                raise HailstreamError(f"{server.name} was stopped while it started", hint="run `hailstream up` again")
            starts.add(process.started)
            if process.state == "FATAL" or (process.state == "BACKOFF" and len(starts) >= CRASHES_TO_GIVE_UP):
                raise self._failure(server, f"crashed as it started: {self._judge.end_of(process)}")
            try:
                server.check()
            except NotReadyError as error:
                reason = str(error)
            else:
                return
            time.sleep(POLL_SECONDS)
        raise self._failure(server, f"is not ready after {server.expiry:.0f} s: {reason}")

    def _failure(self, server: Server, what: str) -> HailstreamError:
        tail = self.manager.log_tail(server.name)
        log = self.manager.log_path(server.name)
        return HailstreamError(
            f"{server.name} {what}" + (f"; the last lines of {log}:\n{tail}" if tail else ""),
            hint=f"`hailstream logs {server.name}` shows more; `hailstream down` stops the rest",
        )

    def down(self, *, purge: bool = False) -> int:
        """Stop everything, leftovers of a manager that died included.

        Args:
            purge: also delete the servers' data (topics, schemas, tables,
                checkpoints), logs and configuration; the JVM parts stay.

        Returns:
            how many orphaned processes were ended: servers whose manager had
            died, Python workers whose TaskManager had.
        """
        if not self.home.is_dir():
            return 0
        with self._alone():
            running = self.manager.processes()
            for service in SERVICES:
                if service.before_stop is not None and self._any_runs(service, running):
                    service.before_stop(self.settings)
            self.manager.stop_all()
            leftovers = processes.end_stack(self.home)
            self.manager.forget_socket()
            if purge:
                for folder in ("data", "logs", "run"):
                    shutil.rmtree(self.home / folder, ignore_errors=True)
            return leftovers

    def _any_runs(self, service: Service, running: dict[str, Process]) -> bool:
        return service.external(self.settings) is None and any(
            process.state == "RUNNING" and process.name.split("-")[0] == service.name for process in running.values()
        )

    def status(self) -> list[ServerStatus]:
        """Every server and external service, each asked by its own protocol."""
        running = self.manager.processes()
        orphans = bool(processes.of_stack(self.home)) if not running else False
        jars = Jars((), self.home / "jars" / "kafka", self.home / "apicurio")
        asked: list[Callable[[], ServerStatus]] = []
        for service in SERVICES:
            if service.external(self.settings) is not None:
                asked.append(_bound(self._judge.of_external, service))
            else:
                asked += [
                    _bound(self._judge.of_server, server, running.get(server.name), orphans=orphans)
                    for server in service.servers(self.settings, jars)
                ]
        with ThreadPoolExecutor(len(asked)) as pool:
            return [future.result() for future in [pool.submit(ask) for ask in asked]]

    def log_path(self, name: str) -> Path:
        """The log file of a server.

        Raises:
            HailstreamError: no server has that name.
        """
        jars = Jars((), self.home / "jars" / "kafka", self.home / "apicurio")
        names = [server.name for service in SERVICES for server in self._servers(service, jars)]
        if name not in names:
            raise HailstreamError(f"no embedded server {name!r}", hint=f"they are {', '.join(names)}", exit_code=2)
        return self.manager.log_path(name)

    def _check_external(self, service: Service, progress: Progress) -> None:
        status = self._judge.of_external(service)
        if status.state == "unreachable":
            raise HailstreamError(
                f"external {service.name} at {status.detail}",
                hint="check the address and credentials in the settings, or unset them to use the embedded one",
            )
        progress.server(service.name, f"external, {status.detail}")

    def _servers(self, service: Service, jars: Jars) -> tuple[Server, ...]:
        return () if service.external(self.settings) is not None else service.servers(self.settings, jars)

    def _jars(self, services: Sequence[Service], progress: Progress) -> Jars:
        if any(service.needs_jars for service in services):
            return ensure_jars(self.home, progress.download)
        return Jars((), self.home / "jars" / "kafka", self.home / "apicurio")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One `up` or `down` at a time in a home folder; a second one waits."""
        run = self.home / "run"
        run.mkdir(parents=True, exist_ok=True)
        # Servers' configuration is kept there, with the keys of S3 in Flink's.
        run.chmod(0o700)
        with (self.home / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _bound(ask: Callable[..., ServerStatus], *arguments: object, **named: object) -> Callable[[], ServerStatus]:
    return lambda: ask(*arguments, **named)


def _write_files(servers: Sequence[Server]) -> None:
    for server in servers:
        for path, text in server.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def check_ports(servers: Sequence[Server]) -> None:
    """Raise HailstreamError for the first port that a foreign process listens on."""
    listening = [(server, setting, port) for server in servers for setting, port in server.ports.items()]
    for server, setting, port in listening:
        if ports.is_free(port):
            continue
        owner = ports.owner_of(port)
        who = f" by process {owner.pid} ({owner.command})" if owner else ""
        of_home = f", part of the stack in {owner.home}" if owner and owner.home else ""
        raise HailstreamError(
            f"{server.name} cannot start: port {port} is taken{who}{of_home}",
            hint=f"stop that process, or give {server.name} another port: {setting}=…",
        )
