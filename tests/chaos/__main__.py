"""``python -m tests.chaos``: what ``make chaos`` runs."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import CITY, find_job
from hailstream.local.apart import link_parts, settings_apart
from hailstream.local.display import Display
from hailstream.local.stack import Stack
from hailstream.settings import load_settings
from tests.chaos.ledger.checks import check_all
from tests.chaos.ledger.ordeal import Stream, run_ordeal
from tests.chaos.ledger.record import Record
from tests.chaos.ledger.report import print_report, verdict
from tests.chaos.ledger.schedule import CHOICES, LEAD, Choice, draw

_WINDOWS = ("zone_counts", "revenue")


def main(
    seed: Annotated[int, typer.Option(min=0, help="of schedule and city; equal seeds, equal schedules")] = 7,
    minutes: Annotated[float, typer.Option(min=0.5, help="in which it happens")] = 10.0,
    kills: Annotated[int, typer.Option(min=0, help="kills and pauses, together")] = 40,
    rate: Annotated[float, typer.Option(min=1, help="events per second")] = 2000.0,
    speed: Annotated[float, typer.Option(min=1, help="event seconds per second")] = 60.0,
    only: Annotated[list[str] | None, typer.Option(help="'kill broker', 'pause redis', …; may be given again")] = None,
    job: Annotated[list[str] | None, typer.Option(help="may be given again")] = None,
    ledger: Annotated[Path | None, typer.Option(help="file; unset: in the home folder's chaos")] = None,
    ha: Annotated[bool, typer.Option("--ha", help="JobManagers with ZooKeeper, instead of a keeper of jobs")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="leave the folder with logs and data")] = False,
) -> None:
    """Kill and pause the whole pipeline at random while events flow, and prove every row at the end."""
    jobs = _jobs(job)
    actions = draw(seed, minutes * 60, kills, _choices(only))
    stream = Stream(seed, LEAD + minutes * 60, rate, speed)
    kept = load_settings().home_dir
    path = ledger or kept / "chaos" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{seed}.jsonl"
    # Ended by a signal, the stack goes down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    # Not below the checkout: a unix socket's path may not be long.
    home = Path(tempfile.mkdtemp(prefix="hs-chaos-"))
    record = Record(path)
    stack = None
    try:
        link_parts(home, kept)
        settings = settings_apart(home, namespace=f"chaos{seed}", flink_ha="zookeeper" if ha else "none")
        record("start", seed=seed, stream=stream.spec, speed=speed, jobs=jobs, kills=kills, minutes=minutes)
        stack = Stack(settings)
        with Display(console) as progress:
            stack.up(progress=progress)
        say = _sayer(console)
        outcome = run_ordeal(settings, stream, actions, jobs, home / "chaos", record, say)
        lines = []
        for line in check_all(outcome.settings, stream.spec, jobs, home / "chaos", say):
            lines.append(line)
            record("line", **vars(line))
        print_report(outcome, lines, console)
        faults = verdict(outcome, lines)
        record("end", ok=not faults, faults=faults)
    finally:
        record.close()
        if stack is not None:
            stack.down()
        if keep:
            console.print(f"kept: {home}", highlight=False, soft_wrap=True)
        else:
            shutil.rmtree(home, ignore_errors=True)
        console.print(f"ledger: {path}", highlight=False, soft_wrap=True)
    if faults:
        raise typer.Exit(1)


def _jobs(asked: list[str] | None) -> tuple[str, ...]:
    jobs = tuple(asked or (CITY,))
    for name in jobs:
        find_job(name, load_settings())
    if CITY not in jobs and not set(_WINDOWS) <= set(jobs):
        # The way through is seen by both windows, and both are recounted.
        hint = f"give --job {CITY}, or --job {' --job '.join(_WINDOWS)} and whichever others"
        raise HailstreamError(f"--job {' --job '.join(jobs)}: no windows to watch", hint=hint, exit_code=2)
    return jobs


def _choices(only: list[str] | None) -> list[Choice]:
    known = {f"{kind} {target}": (kind, target) for kind, target in CHOICES}
    for name in only or ():
        if name not in known:
            raise HailstreamError(f"--only {name}: no such action", hint=f"there are: {', '.join(known)}", exit_code=2)
    return [known[name] for name in only] if only else list(CHOICES)


def _sayer(console: Console):  # type: ignore[no-untyped-def]
    began = time.monotonic()
    return lambda what: console.print(f"[dim]{time.monotonic() - began:6.0f} s[/]  {escape(what)}", highlight=False)


if __name__ == "__main__":
    try:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command()(main)
        app()
    except HailstreamError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
