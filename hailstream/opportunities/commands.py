"""``hailstream opportunities``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from hailstream.errors import HailstreamError

if TYPE_CHECKING:
    from rich.console import Console

    from hailstream.domain.opportunities.answers import Kind
    from hailstream.opportunities.run import Account
    from hailstream.replay.events import SourceReport


class Format(StrEnum):
    TABLE = "table"
    DEBS = "debs"


class Query(StrEnum):
    ROUTES = "routes"
    AREAS = "areas"
    BOTH = "both"


_KINDS: dict[Query, tuple[Kind, ...]] = {
    Query.ROUTES: ("routes",),
    Query.AREAS: ("areas",),
    Query.BOTH: ("routes", "areas"),
}


class Order(StrEnum):
    EVENT_TIME = "event-time"
    FILE = "file"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(opportunities)


def opportunities(
    files: list[str] = typer.Argument(..., metavar="FILE...", help="Trip files of any layout, or globs."),
    output: Format = typer.Option(
        Format.TABLE, "--format", "-f", help="table: by zone; debs: the challenge's lines, by cell."
    ),
    query: Query = typer.Option(Query.BOTH, "--query", "-q", help="Which lists."),
    order: Order = typer.Option(
        Order.EVENT_TIME, help="Of trips that ended at the same moment: by trip id, or as the file has them."
    ),
    changes: int = typer.Option(10, min=0, help="How many of the last changes a table shows."),
) -> None:
    """Rank routes by trips and areas by profit for a waiting taxi, as the DEBS 2015 Grand Challenge does.

    Exits with 1 where no row is a trip; rows that cannot be read are counted and left out.
    """
    from rich.console import Console

    from hailstream.opportunities.reading import ended_trips
    from hailstream.opportunities.run import find_changes, write_lines
    from hailstream.opportunities.tables import Changes
    from hailstream.replay.sources import open_files
    from hailstream.settings import load_settings

    if any(file.startswith("sim:") for file in files):
        raise HailstreamError("sim: is no trip file", hint="opportunities are found in files only", exit_code=2)
    console = Console(stderr=True)
    kinds = _KINDS[query]
    source = open_files(files, order=order.value, work_dir=load_settings().home_dir / "opportunities")
    try:
        with console.status("reading and sorting the trips"):
            report = source.report()
        if output is Format.DEBS:
            account = write_lines(ended_trips(source), kinds, sys.stdout)
        else:
            found = Changes(changes)
            account = find_changes(ended_trips(source), kinds, found)
            for table in found.tables():
                Console().print(table)
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()
    _say(account, report, console)
    if not account.trips:
        raise HailstreamError(f"{source.name}: no row is a trip that ended", hint="the reasons are above")
    places = "known zones" if output is Format.TABLE else "places within the grid"
    for kind, needed in (("routes", places), ("areas", f"{places}, fares and vehicles")):
        if kind in kinds and kind not in account.changes:
            console.print(f"no list of {kind}: it needs {needed}", style="yellow")


def _say(account: Account, report: SourceReport, console: Console) -> None:
    """How many rows, trips and changes there were, and what was left out and why."""

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    changes = ", ".join(f"{count:,} changes of {kind}" for kind, count in account.changes.items())
    say(f"{report.rows_read:,} rows, {account.trips:,} trips that ended{', ' if changes else ''}{changes}")
    if report.rejects:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(report.rejects.items()))
        say(f"left out: {sum(report.rejects.values()):,} ({reasons}); see {report.rejects_file}")
