"""How each server and external service is, judged by its process and its own protocol."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from hailstream.local.manager import Manager, Process
from hailstream.local.server import NotReadyError, Server, Service, without_credentials
from hailstream.settings import Settings

State = Literal["ready", "starting", "not ready", "crashed", "orphaned", "stopped", "external", "unreachable"]
#: States that mean something is wrong.
FAULTY: frozenset[State] = frozenset({"not ready", "crashed", "orphaned", "unreachable"})


@dataclass(frozen=True)
class ServerStatus:
    """How a server, or an external service, is.

    Attributes:
        since: start of the process, None when it does not run.
        detail: the reason of a fault, the address of an external service, else empty.
        log_path: None for external ones.
    """

    name: str
    state: State
    pid: int | None
    port: int | None
    since: datetime | None
    detail: str
    log_path: Path | None


class Judge:
    """Asks servers and services how they are."""

    def __init__(self, settings: Settings, manager: Manager) -> None:
        self._settings = settings
        self._manager = manager

    def of_server(self, server: Server, process: Process | None, *, orphans: bool) -> ServerStatus:
        """How ``server`` is; ``orphans``: whether processes of the stack live without their manager."""
        state, detail = self._judge(server, process, orphans)
        alive = process is not None and process.pid > 0
        return ServerStatus(
            name=server.name,
            state=state,
            pid=process.pid if process is not None and alive else None,
            port=server.port,
            since=datetime.fromtimestamp(process.started, UTC) if process is not None and alive else None,
            detail=detail,
            log_path=self._manager.log_path(server.name),
        )

    def _judge(self, server: Server, process: Process | None, orphans: bool) -> tuple[State, str]:
        if process is None:
            if orphans:
                return "orphaned", "the process manager is gone; `hailstream down` ends what it left"
            return "stopped", ""
        if process.state in ("FATAL", "EXITED", "BACKOFF", "UNKNOWN"):
            return "crashed", self.end_of(process) + ("" if process.state == "FATAL" else ", is started again")
        if process.state in ("STOPPED", "STOPPING"):
            return "stopped", ""
        try:
            server.check()
        except NotReadyError as error:
            ended = self._manager.last_end(server.name)
            before = f"; the process before it: {ended}" if ended else ""
            young = time.time() - process.started < server.settle * 3
            return ("starting" if young else "not ready"), f"{error}{before}"
        return "ready", ""

    def end_of(self, process: Process) -> str:
        """How a program ended, in words."""
        return self._manager.last_end(process.name) or process.reason or "for a reason the manager does not know"

    def of_external(self, service: Service) -> ServerStatus:
        """How an external service answers."""
        state: State = "external"
        detail = address = without_credentials(service.external(self._settings) or "")
        try:
            service.check(self._settings)
        except NotReadyError as error:
            state, detail = "unreachable", f"{address}: {error}"
        return ServerStatus(service.name, state, None, None, None, detail, None)
