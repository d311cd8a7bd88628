"""What a person sees while the embedded stack is installed and started."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from hailstream.local.stack import ServerStatus


class Display:
    """Progress of downloads and server starts on a terminal; plain lines elsewhere.

    Use as a context manager. Both methods may be called from several threads.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._lock = threading.Lock()
        self._downloads = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._files: dict[str, tuple[int, int]] = {}
        self._task: TaskID | None = None
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._downloads.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._downloads.stop()
        if self._files and error is None:
            size = sum(total for _, total in self._files.values()) / 1e6
            self._console.print(f"[green]✓[/] JVM parts: {len(self._files)} files, {size:.0f} MB")

    def download(self, file: str, done: int, total: int) -> None:
        """A part is being downloaded: bytes so far and in all."""
        with self._lock:
            self._files[file] = (done, total)
            if self._task is None:
                self._task = self._downloads.add_task("JVM parts")
            self._downloads.update(
                self._task,
                completed=sum(done for done, _ in self._files.values()),
                total=sum(total for _, total in self._files.values()),
            )

    def server(self, name: str, state: str) -> None:
        """A server reached a state worth a line: ``ready in 4.1 s``, ``external``."""
        with self._lock:
            if self._states.get(name) != state:
                self._states[name] = state
                self._console.print(f"[green]✓[/] {name:<20} {state}")


_STYLES = {"ready": "green", "external": "green", "starting": "yellow", "stopped": "dim"}


def show_status(servers: Sequence[ServerStatus], console: Console | None = None) -> None:
    """Print the servers as a table."""
    table = Table(box=None, header_style="bold")
    for column in ("server", "state", "port", "pid", "since (UTC)", ""):
        table.add_column(column, overflow="fold")
    for server in servers:
        style = _STYLES.get(server.state, "bold red")
        table.add_row(
            server.name,
            f"[{style}]{server.state}[/]",
            str(server.port or ""),
            str(server.pid or ""),
            f"{server.since:%H:%M:%S}" if server.since else "",
            escape(server.detail),
        )
    (console or Console()).print(table)
