"""The pipeline's own processes, started again when they end, as an operator's supervisor would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hailstream.local.ports import free_port
from hailstream.local.processes import MARK
from hailstream.replay.resume import state_path
from hailstream.settings import Settings

STOP_SECONDS = 30.0


@dataclass
class Member:
    """A process that is to be there.

    Attributes:
        arguments: of ``hailstream``, asked for at each start.
        ends: exit code 0 is its end; else it is started again whatever it ends with.
        killed: its next end is our doing.
    """

    name: str
    arguments: Callable[[], list[str]]
    ends: bool = False
    killed: bool = False
    process: subprocess.Popen[bytes] | None = None


class Crew:
    """Loaders, the jobs' keeper and the replayer; a context that ends them all.

    Args:
        note: told of a process that ended by itself: its name, exit code and last words.
    """

    def __init__(self, settings: Settings, note: Callable[[str, int, str], None]) -> None:
        self._settings = settings
        self._note = note
        self._members: dict[str, Member] = {}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(*self._members)

    def start_loaders(self) -> None:
        for database in ("clickhouse", "redis"):
            self._start(Member(f"{database}-loader", lambda d=database: _load(d)))  # type: ignore[misc]

    def start_keeper(self, jobs: tuple[str, ...]) -> None:
        self._start(Member("keeper", lambda: ["jobs", "keep", *jobs]))

    def start_replayer(self, spec: str, speed: float) -> None:
        def arguments() -> list[str]:
            resumed = ["--resume"] if state_path(self._settings).is_file() else []
            return ["replay", spec, "--speed", f"{speed:g}", "--json", *resumed]

        self._start(Member("replayer", arguments, ends=True))

    def process(self, name: str) -> subprocess.Popen[bytes] | None:
        """A member's process while it runs."""
        process = self._members[name].process
        return process if process is not None and process.poll() is None else None

    def expect_death(self, name: str) -> None:
        """Its next end is our doing."""
        self._members[name].killed = True

    def tend(self) -> None:
        """Start again what has ended."""
        for member in self._members.values():
            code = None if member.process is None else member.process.poll()
            if code is None or (member.ends and code == 0):
                continue
            if not member.killed:
                self._note(member.name, code, self._last_words(member.name))
            self._start(member)

    def is_done(self, name: str) -> bool:
        """Whether a member that ends came to its end."""
        process = self._members[name].process
        return process is not None and process.poll() == 0

    def end(self, *names: str) -> None:
        """End members cleanly; they are not started again."""
        members = [self._members.pop(name) for name in names if name in self._members]
        processes = [member.process for member in members if member.process is not None]
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def drain(self, database: str, seconds: float) -> int:
        """Load what is committed to its end with a loader of its own; its exit code.

        Raises:
            subprocess.TimeoutExpired: it came to no end.
        """
        with self._log(f"drain-{database}").open("ab") as log:
            return subprocess.run(
                self._command([*_load(database), "--until-idle", "2"]),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=seconds,
                check=False,
            ).returncode

    def _start(self, member: Member) -> None:
        member.killed = False
        self._members[member.name] = member
        with self._log(member.name).open("ab") as log:
            member.process = subprocess.Popen(
                self._command(member.arguments()),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _command(self, arguments: list[str]) -> list[str]:
        return [sys.executable, "-m", "hailstream.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        # The mark lets the stack's end find them, however this process ends.
        return dict(os.environ) | self._settings.as_environment() | {MARK: str(self._settings.home_dir)}

    def _last_words(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return " ".join(" ".join(lines[-6:]).split())[-600:]

    def _log(self, name: str) -> Path:
        logs = self._settings.home_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        return logs / f"{name}.log"


def _load(database: str) -> list[str]:
    return ["load", database, "--metrics-port", str(free_port())]
