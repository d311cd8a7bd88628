"""``hailstream kappa``: rebuild, swap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hailstream.kappa.rebuild import Rebuilt

Job = Annotated[str, typer.Option("--job", help="zone_counts or revenue")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Instead of HAILSTREAM_NAMESPACE.")]
Generation = Annotated[int | None, typer.Option(help="of the new definition, above that of the rows there are")]


def register(app: typer.Typer) -> None:
    """Add the group ``kappa``."""
    group = typer.Typer(help="Run a changed definition over the whole log, and put it in place.", no_args_is_help=True)
    group.command("rebuild")(rebuild)
    group.command("swap")(swap)
    app.add_typer(group, name="kappa", rich_help_panel="Pipeline")


def rebuild(
    job: Job,
    begin: Annotated[str | None, typer.Option("--from", help="ISO time in UTC: windows that end later")] = None,
    generation: Generation = None,
    namespace: Namespace = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="build and compare, and swap nothing")] = False,
) -> None:
    """Run a job's definition as it is now over the log, compare, and swap its table in one step."""
    from rich.console import Console

    from hailstream.batch.runs import batch_run
    from hailstream.flink.event_time import parse_time
    from hailstream.kappa.rebuild import rebuild
    from hailstream.settings import load_settings

    first = None if begin is None else parse_time(begin, "--from")
    settings = load_settings(namespace=namespace, generation=generation)
    with Console(stderr=True).status("rebuilding") as status, batch_run("kappa rebuild", settings) as run:
        done = rebuild(job, settings, first, status.update, run, dry_run=dry_run)
    _tell(done)
    if dry_run:
        typer.echo(f"nothing was swapped; `hailstream kappa swap --job {job}` does")


def swap(job: Job, namespace: Namespace = None) -> None:
    """Swap the table that the last rebuild made and did not swap; rows that came since are copied."""
    from rich.console import Console

    from hailstream.batch.runs import batch_run
    from hailstream.kappa.rebuild import swap_rebuilt
    from hailstream.settings import load_settings

    settings = load_settings(namespace=namespace)
    with Console(stderr=True).status("swapping") as status, batch_run("kappa swap", settings) as run:
        done = swap_rebuilt(job, settings, status.update, run)
    _tell(done)


def _tell(done: Rebuilt) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    built, found = done.built, done.comparison
    console = Console()
    console.print(f"{built.table}: rebuilt as generation {built.generation}, against the live table", highlight=False)
    rows = Table("rows", Column("count", justify="right"))
    for kind, told in (
        ("equal", "equal"),
        ("different", "different"),
        ("missing", "live has not"),
        ("extra", "live alone has, and go"),
        ("kept", "of batch alone, and stay"),
    ):
        rows.add_row(told, f"{getattr(found, kind):,}")
    console.print(rows)
    sums = Table("sum", *(Column(side, justify="right") for side in ("live", "rebuilt")))
    for name, value in found.rebuilt.items():
        sums.add_row(name, f"{found.live[name]:,}", f"{value:,}")
    console.print(sums)
    typer.echo(f"windows that end after {built.begin:%Y-%m-%d %H:%M:%S} and by {built.until:%Y-%m-%d %H:%M:%S} UTC")
    if done.copied is not None:
        typer.echo(f"swapped, with {done.copied:,} other rows of the live table. Late events are left out again:")
        typer.echo(f"  hailstream batch reconcile --table {built.table}    puts them back")
