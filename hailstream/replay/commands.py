"""``hailstream replay``."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

from hailstream.errors import HailstreamError

if TYPE_CHECKING:
    from rich.console import Console

    from hailstream.replay.options import ReplayProgress

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(replay)


def replay(
    sources: list[str] = typer.Argument(..., metavar="SOURCE...", help="Trip files, globs, or sim:..."),
    speed: str = typer.Option("max", help="Event seconds per second, or max."),
    start: str = typer.Option(None, "--from", help="First event time, New York unless it names a zone."),
    until: str = typer.Option(None, "--until", help="Events before this time only."),
    limit: int = typer.Option(None, min=1, help="Rows of input to take."),
    order: str = typer.Option("event-time", help="event-time, or file: as the rows stand in the file."),
    namespace: str = typer.Option(None, help="Where to; history goes in a namespace of its own."),
    allow_late: bool = typer.Option(False, "--allow-late", help="Also into topics that are further already."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the interrupted replay of the namespace."),
    heartbeat_every: float = typer.Option(60.0, min=0.001, help="Seconds of event time between heartbeats."),
    no_final_heartbeat: bool = typer.Option(False, "--no-final-heartbeat", help="Leave the last windows open."),
    partitions: int = typer.Option(None, min=1, help="Of topics that this creates."),
    as_json: bool = typer.Option(False, "--json", help="The account as one JSON object."),
) -> None:
    """Send real or simulated trips through Kafka, in order of event time, and account for every row.

    Ctrl-C stops after what was sent is acknowledged; --resume goes on from there.
    """
    import json

    from rich.console import Console

    from hailstream.domain.clock import parse_time
    from hailstream.replay.events import open_source
    from hailstream.replay.options import ReplayOptions
    from hailstream.replay.resume import fingerprint, state_path
    from hailstream.replay.run import run_replay
    from hailstream.settings import load_settings

    if order != "event-time" and order != "file":
        raise HailstreamError(f"--order {order}: there is event-time and file", exit_code=2)
    pace = parse_speed(speed)
    settings = load_settings(namespace=namespace, partitions=partitions)
    console = Console(stderr=True)
    work_dir = state_path(settings).with_suffix("")
    with console.status("reading and sorting the source"):
        source = open_source(
            sources,
            start=parse_time(start) if start else None,
            until=parse_time(until) if until else None,
            limit=limit,
            order=order,  # type: ignore[arg-type]
            work_dir=work_dir,
        )
        source.bounds()
    identity: dict[str, Any] = {"from": start, "until": until, "limit": limit, "order": order}
    options = ReplayOptions(
        speed=pace,
        heartbeat_every=heartbeat_every,
        final_heartbeat=not no_final_heartbeat,
        allow_late=allow_late,
        resume=resume,
        source=(*identity.items(), ("files", fingerprint(sources))),
    )
    stop = _Stop(console)
    try:
        with stop.on_signals(), _bar(console) as show:
            report = run_replay(
                settings,
                source,
                options,
                show,
                stopped=stop,
                say=lambda message: console.print(message, style="yellow", markup=False),
            )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    else:
        Console().print(report.table())
    if report.interrupted:
        console.print(
            f"interrupted: the same command with --resume goes on from event {report.events:,}", highlight=False
        )
        raise typer.Exit(INTERRUPTED)
    if not report.balanced:
        raise HailstreamError("the account does not add up: " + "; ".join(report.imbalances()))


def parse_speed(text: str) -> float | None:
    """Event seconds per second; None for ``max``.

    Raises:
        HailstreamError: neither ``max`` nor a number above zero.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise HailstreamError(
            f"--speed {text}: not a speed", hint="60 is an hour of events a minute, max as fast as can be", exit_code=2
        )
    return speed


class _Stop:
    """Asked by the replay whether to stop; the second signal, or one before sending, ends it at once."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._requested = False
        self._asked = False

    def __call__(self) -> bool:
        self._asked = True
        return self._requested

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._requested or not self._asked:
            raise KeyboardInterrupt
        self._requested = True
        self._console.print("stopping: waiting for what was sent to be acknowledged")


@contextmanager
def _bar(console: Console) -> Iterator[Any]:
    """A progress bar with rate and event time reached."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("replay"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,.0f} events"),
        TextColumn("{task.fields[rate]:,.0f} events/s"),
        TextColumn("{task.fields[reached]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=not console.is_terminal) as bar:
        task = bar.add_task("replay", total=None, rate=0.0, reached="")

        def show(progress: ReplayProgress) -> None:
            reached = f"{progress.reached:%Y-%m-%d %H:%M:%S} UTC" if progress.reached else ""
            bar.update(
                task,
                completed=progress.events,
                total=progress.total,
                rate=progress.events_per_second,
                reached=reached,
            )

        yield show
