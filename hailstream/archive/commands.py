"""``hailstream archive``: how far it is complete."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the group ``archive``."""
    group = typer.Typer(help="The event log as Parquet files.", no_args_is_help=True)
    group.command("status")(status)
    group.command("compact")(compact)
    app.add_typer(group, name="archive", rich_help_panel="Pipeline")


Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Instead of HAILSTREAM_NAMESPACE.")]


def compact(namespace: Namespace = None) -> None:
    """Merge the small files of each hour; no batch job runs meanwhile, and job archive may."""
    from hailstream.archive.compact import compact
    from hailstream.archive.store import open_store
    from hailstream.batch.runs import batch_run
    from hailstream.settings import load_settings
    from hailstream.topics import EVENT_TOPICS

    settings = load_settings(namespace=namespace)
    with batch_run("compact", settings) as run:
        for topic in EVENT_TOPICS:
            done = compact(open_store(topic, settings))
            run.rows_in += done.rows
            run.rows_out += done.rows
            run.detail[topic.base] = {"before": done.before, "after": done.after}
            name = topic.name(settings.namespace)
            typer.echo(f"{name}: {done.before:,} files are {done.after:,}, {done.rows:,} records written anew")


def status(
    namespace: Namespace = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Count what the files have; exits with 1 if a record is missing between others, or there twice."""
    from rich.console import Console
    from rich.table import Table

    from hailstream.archive.manifest import read_manifest
    from hailstream.archive.months import beside, published_months
    from hailstream.archive.store import open_store
    from hailstream.settings import load_settings
    from hailstream.topics import EVENT_TOPICS

    settings = load_settings(namespace=namespace)
    months = published_months(beside(open_store(EVENT_TOPICS[0], settings)))
    rows, gaps = [], []
    for topic in EVENT_TOPICS:
        manifest = read_manifest(open_store(topic, settings))
        name = topic.name(settings.namespace)
        gaps += [f"{name} {gap}" for gap in manifest.gaps]
        rows += [
            {
                "topic": name,
                "partition": number,
                "first": found.first,
                "complete_to": found.end,
                "beyond": found.beyond,
                "doubled": found.doubled,
            }
            for number, found in manifest.partitions.items()
        ]
    if as_json:
        listed = [
            {"month": month.name, "source": month.source, "rows": month.rows, "rejects": dict(month.rejects)}
            for month in months
        ]
        found = {"archive": settings.archive_address, "partitions": rows, "gaps": gaps, "months": listed}
        typer.echo(json.dumps(found, indent=2))
    else:
        table = Table("topic", "partition", "from offset", "complete to", "behind a gap", "doubled")
        for row in rows:
            table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
        console = Console()
        if rows or not months:
            console.print(table if rows else f"nothing is archived in {settings.archive_address} so far")
        if months:
            table = Table("backfilled month", "rows", "rejects", "from file")
            for month in months:
                table.add_row(month.name, f"{month.rows:,}", f"{sum(month.rejects.values()):,}", month.source)
            console.print(table)
        for gap in gaps:
            console.print(gap, style="red", markup=False)
    if gaps:
        raise typer.Exit(1)
