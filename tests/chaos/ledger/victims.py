"""The processes that things are done to."""

from __future__ import annotations

import threading
from contextlib import suppress

import psutil

from hailstream.local.manager import Manager
from hailstream.local.processes import of_stack
from hailstream.settings import Settings
from tests.chaos.ledger.crew import Crew
from tests.chaos.ledger.schedule import Action

_SERVERS = {
    "taskmanager": "flink-taskmanager",
    "jobmanager": "flink-jobmanager",
    "broker": "kafka",
    "registry": "registry",
    "clickhouse": "clickhouse",
    "redis": "redis",
}
_WORKER = "pyflink.fn_execution.beam.beam_boot"


class Victims:
    """Finds processes, kills and pauses them; a context that lets the paused go on."""

    def __init__(self, settings: Settings, crew: Crew) -> None:
        self._home = settings.home_dir
        self._manager = Manager(settings.home_dir)
        self._crew = crew
        self._timers: list[tuple[threading.Timer, psutil.Process]] = []

    def __enter__(self) -> Victims:
        return self

    def __exit__(self, *_: object) -> None:
        for timer, process in self._timers:
            timer.cancel()
            _resume(process)

    def strike(self, action: Action) -> int | None:
        """Do it; the process id, or None when no such process runs now."""
        process = self._find(action.target, action.pick)
        if process is None:
            return None
        try:
            if action.kind == "kill":
                if action.target not in _SERVERS and action.target != "python-worker":
                    self._crew.expect_death(action.target)
                process.kill()
            else:
                process.suspend()
                timer = threading.Timer(action.pause, _resume, [process])
                timer.daemon = True
                self._timers.append((timer, process))
                timer.start()
        except psutil.NoSuchProcess:
            return None
        return int(process.pid)

    def _find(self, target: str, pick: float) -> psutil.Process | None:
        with suppress(psutil.NoSuchProcess):
            if target in _SERVERS:
                program = self._manager.processes().get(_SERVERS[target])
                return psutil.Process(program.pid) if program is not None and program.pid else None
            if target == "python-worker":
                workers = sorted(filter(_is_worker, of_stack(self._home)), key=lambda process: process.pid)
                return workers[int(pick * len(workers))] if workers else None
            member = self._crew.process(target)
            return None if member is None else psutil.Process(member.pid)
        return None


def _is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return _WORKER in process.cmdline()
    return False


def _resume(process: psutil.Process) -> None:
    with suppress(psutil.Error):  # killed meanwhile
        process.resume()
