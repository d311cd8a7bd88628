"""``hailstream demo``: what ``make demo`` runs."""

from __future__ import annotations

from typing import Annotated

import typer

# Two hours of an evening, with every fault that the simulator knows; at this speed 4,000 events a second, which
# two cores keep up with.
DEFAULT_DATA = "sim:rate=20"
DEFAULT_SPEED = "200"
NAMESPACE = "demo"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(demo)


def demo(
    data: Annotated[list[str] | None, typer.Option(help="a trip file or sim:…; may be given again")] = None,
    speed: Annotated[str, typer.Option(help="event seconds per second, or max")] = DEFAULT_SPEED,
    keep: Annotated[bool, typer.Option("--keep", help="leave stack, job and loaders running")] = False,
) -> None:
    """Replay events through the whole stack on this machine and prove the result right."""
    from rich.console import Console

    from hailstream.demo.report import print_result
    from hailstream.demo.run import open_demo, run_demo
    from hailstream.local.display import Display
    from hailstream.local.stack import Stack
    from hailstream.replay.commands import parse_speed
    from hailstream.settings import load_settings

    pace = parse_speed(speed)
    settings = load_settings(namespace=NAMESPACE)
    source = open_demo(settings, data or [DEFAULT_DATA])
    console = Console()
    stack = Stack(settings)
    ran_before = any(status.pid is not None for status in stack.status())
    try:
        with Display(console) as progress:
            stack.up(progress=progress)
        result = run_demo(settings, source, pace, console, keep=keep)
        print_result(result, settings, console)
    finally:
        if not keep and not ran_before:
            stack.down()
    _say_where_next(console, settings.flink_address, kept=keep or ran_before)
    if not result.ok:
        raise typer.Exit(1)


def _say_where_next(console: object, flink: str, *, kept: bool) -> None:
    from rich.console import Console

    assert isinstance(console, Console)
    if kept:
        console.print(f"running: Flink {flink}  ·  `hailstream status`  ·  `hailstream down` ends it", highlight=False)
    else:
        console.print(
            "stopped; the tables are kept: `hailstream up --only clickhouse`, then ask them:", highlight=False
        )
    question = "SELECT * FROM zone_counts ORDER BY trips DESC LIMIT 10"
    console.print(f'  hailstream sql --namespace {NAMESPACE} "{question}"', highlight=False, soft_wrap=True)
