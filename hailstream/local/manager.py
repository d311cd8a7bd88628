"""The process manager: supervisor, with a configuration made from our servers.

Talks to it over a unix socket in the home folder. Every program is its own
process group, so that what a server has started ends with it.
"""

from __future__ import annotations

import http.client
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

from hailstream.errors import HailstreamError
from hailstream.local.processes import MARK, wait_for_end
from hailstream.local.server import Server

LOG_BYTES = "10MB"
LOG_FILES = 3
START_RETRIES = 4
EXIT_SECONDS = 5.0
# Linux allows 107 bytes; supervisor binds the path with its process id appended.
SOCKET_PATH_BYTES = 107 - len(".4194304")
# Options of the user's own Java and Flink would change our servers.
FOREIGN = ("JAVA_", "_JAVA_", "JDK_JAVA_", "CLASSPATH", "FLINK_", "KAFKA_", "QUARKUS_", "APICURIO_", "LOG4J_")


@dataclass(frozen=True)
class Process:
    """What the manager says of a program.

    Attributes:
        state: supervisor's word: RUNNING, STARTING, BACKOFF, EXITED, FATAL, STOPPED, STOPPING, UNKNOWN.
        started: epoch seconds of the last start, 0 for never.
        reason: what supervisor says of a program that could not be started at all.
    """

    name: str
    state: str
    pid: int
    started: int
    reason: str


def socket_path(run: Path) -> Path:
    """Where the manager's socket is.

    A home folder whose path is too long for a unix socket gets one in a
    private temporary folder, remembered in ``run/socket``.
    """
    path = run / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    remembered = run / "socket"
    if remembered.is_file():
        path = Path(remembered.read_text())
        if path.parent.is_dir():
            return path
    run.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="hailstream-")) / "supervisor.sock"
    remembered.write_text(str(path))
    return path


def render(servers: Iterable[Server], home: Path) -> str:
    """supervisord's configuration; programs are started by us, not with the manager."""
    run, logs = home / "run", home / "logs"
    sections: list[tuple[str, dict[str, object]]] = [
        ("unix_http_server", {"file": socket_path(run), "chmod": "0700"}),
        (
            "supervisord",
            {
                "logfile": logs / "supervisord.log",
                "logfile_maxbytes": LOG_BYTES,
                "logfile_backups": 1,
                "pidfile": run / "supervisord.pid",
                "childlogdir": logs,
                "directory": home,
                "identifier": "hailstream",
            },
        ),
        (
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    sections += [(f"program:{server.name}", _program(server, logs)) for server in servers]
    return "\n".join(_section(name, values) for name, values in sections)


def _program(server: Server, logs: Path) -> dict[str, object]:
    # A change of a configuration file is a change of the program: it is started anew.
    digest = sha256("\0".join(f"{path}\0{text}" for path, text in sorted(server.files.items())).encode()).hexdigest()
    environment = {**server.environment, "HAILSTREAM_CONFIGURATION": digest[:16]}
    return {
        "command": shlex.join(server.command),
        "environment": ",".join(f"{key}={_quoted(value)}" for key, value in environment.items()),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": server.settle,
        "startretries": START_RETRIES,
        "stopsignal": "TERM",
        "stopwaitsecs": server.stop_wait,
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        # Supervisor expands this one twice.
        "stdout_logfile": str(logs / f"{server.name}.log").replace("%", "%%"),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": LOG_FILES,
    }


def _quoted(value: str) -> str:
    if '"' in value or "\n" in value:
        raise HailstreamError(
            f"the embedded stack cannot run in a folder with a quote or line break in its path: {value!r}",
            hint="set HAILSTREAM_HOME to another folder",
        )
    return f'"{value}"'


def _section(name: str, values: dict[str, object]) -> str:
    # Per cent signs are supervisor's way to insert values.
    return f"[{name}]\n" + "".join(f"{key}={str(value).replace('%', '%%')}\n" for key, value in values.items())


class Manager:
    """One supervisord for one home folder.

    Args:
        home: absolute path; configuration, socket and pid file are in ``run`` below it, logs in ``logs``.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.run = home / "run"
        self.logs = home / "logs"
        self.config = self.run / "supervisord.conf"

    def is_running(self) -> bool:
        try:
            return bool(self._call("supervisor.getState"))
        except ConnectionError:
            return False

    def start(self, servers: Iterable[Server], expiry: float = 15.0) -> None:
        """Start the manager with these programs, or give a running one the new configuration.

        A program whose command or configuration changed is stopped and comes
        back as not started.

        Raises:
            HailstreamError: supervisord cannot be started; says what it printed.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        self.run.chmod(0o700)
        self.config.write_text(render(servers, self.home))
        if self.is_running():
            added, changed, removed = self._call("supervisor.reloadConfig")[0]
            for name in (*changed, *removed):
                self._call("supervisor.stopProcessGroup", name)
                self._call("supervisor.removeProcessGroup", name)
            for name in (*added, *changed):
                self._call("supervisor.addProcessGroup", name)
            return
        environment = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)],
            env={**environment, MARK: str(self.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        limit = time.monotonic() + expiry
        while done.returncode == 0 and not self.is_running():
            if time.monotonic() > limit:
                raise HailstreamError("the process manager does not answer", hint=f"see {self.logs}/supervisord.log")
            time.sleep(0.05)
        if done.returncode != 0:
            raise HailstreamError(f"cannot start the process manager: {(done.stderr or done.stdout).strip()[-400:]}")

    def processes(self) -> dict[str, Process]:
        """Every program by name; empty when the manager does not run."""
        try:
            answers: list[dict[str, Any]] = self._call("supervisor.getAllProcessInfo")
        except ConnectionError:
            return {}
        return {answer["name"]: _process(answer) for answer in answers}

    def start_program(self, name: str) -> None:
        """Start a program without waiting for it; one that runs is left alone."""
        try:
            self._call("supervisor.startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise HailstreamError(f"{name} cannot be started: {fault.faultString}") from fault

    def stop_all(self) -> None:
        """Stop every program at once and then the manager; returns when it is gone."""
        with suppress(ConnectionError, xmlrpc.client.Fault, psutil.Error):
            supervisord = psutil.Process(self._call("supervisor.getPID"))
            self._call("supervisor.stopAllProcesses", True)
            # Its own shutdown takes a second for each program it knows.
            for name in self.processes():
                self._call("supervisor.removeProcessGroup", name)
            self._call("supervisor.shutdown")
            wait_for_end([supervisord], EXIT_SECONDS)

    def forget_socket(self) -> None:
        """Remove the socket and, where it had one, its temporary folder."""
        path = socket_path(self.run)
        path.unlink(missing_ok=True)
        if path.parent != self.run:
            shutil.rmtree(path.parent, ignore_errors=True)
            (self.run / "socket").unlink(missing_ok=True)

    def log_path(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a program's log."""
        try:
            with self.log_path(name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 16_384))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def last_end(self, name: str) -> str:
        """How the program ended last, e.g. ``exit code 1`` or ``killed by SIGKILL``; empty if it did not.

        From the manager's log: of a program that died early it tells nothing else.
        """
        ends = re.findall(rf"exited: {re.escape(name)} \((?:exit status (\d+)|terminated by (\w+))", self._own_log())
        if not ends:
            return ""
        code, signal = ends[-1]
        return f"exit code {code}" if code else f"killed by {signal}"

    def _own_log(self) -> str:
        try:
            return (self.logs / "supervisord.log").read_text(errors="replace")
        except OSError:
            return ""

    def _call(self, method: str, *arguments: object) -> Any:
        """One call to supervisord; ConnectionError when it does not run."""
        from supervisor.xmlrpc import SupervisorTransport

        if not self.config.is_file():  # where a long path needs another place for the socket, asking would make one
            raise ConnectionError(f"it never ran in {self.home}")
        path = socket_path(self.run)
        if not path.exists():
            raise ConnectionError(f"no socket at {path}")
        transport = SupervisorTransport(None, None, serverurl=f"unix://{path}")
        try:
            # The host name is a formality: the transport connects to the socket.
            proxy = xmlrpc.client.ServerProxy("http://supervisor", transport=transport, allow_none=True)
            return getattr(proxy, method)(*arguments)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(str(error)) from error
        finally:
            transport.close()


def _process(answer: dict[str, Any]) -> Process:
    return Process(
        name=answer["name"],
        state=answer["statename"],
        pid=answer["pid"],
        started=answer["start"],
        reason=answer["spawnerr"],
    )
