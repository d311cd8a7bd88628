"""``hailstream forecast``: learn what is usual."""

from __future__ import annotations

from typing import Annotated

import typer

from hailstream.forecast.source import Source

Weeks = Annotated[int, typer.Option(min=1, max=104, help="of history before the newest window")]
Every = Annotated[str | None, typer.Option(help="learn again each 30m, 1h, ...; Ctrl-C ends it")]
From = Annotated[Source, typer.Option("--from", help="table of the starts: the stream's, or that of batch curate")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="whose counts and profiles")]


def register(app: typer.Typer) -> None:
    """Add the group ``forecast`` to the command line."""
    group = typer.Typer(help="What the forecasts of demand know of the past.", no_args_is_help=True)
    # A group with one command would else be that command.
    group.callback()(_group)
    group.command("learn")(learn)
    app.add_typer(group, name="forecast")


def _group() -> None:
    """What the forecasts of demand know of the past."""


def learn(
    weeks: Weeks = 8, every: Every = None, namespace: Namespace = None, source: From = Source.ZONE_COUNTS
) -> None:
    """Learn each zone's week from a table in ClickHouse; running jobs take it over."""
    import logging
    import sys

    from hailstream.forecast.profile_topic import publish
    from hailstream.forecast.refresh import Learning, parse_every
    from hailstream.forecast.table import read_history
    from hailstream.settings import load_settings
    from hailstream.stop_signals import stop_on_signals

    seconds = parse_every(every) if every is not None else None
    settings = load_settings(namespace=namespace)
    learning = Learning(lambda: read_history(settings, weeks, source), lambda profile: publish(settings, profile))
    if seconds is None:
        typer.echo(learning.once())
        return
    handler = logging.StreamHandler(sys.stderr)
    # What clients warn of is raised too, and logged here in clearer words.
    handler.addFilter(logging.Filter("hailstream"))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", handlers=[handler])
    stop = stop_on_signals()
    learning.every(seconds, stop, typer.echo)
