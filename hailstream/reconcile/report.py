"""What a reconcile found, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from hailstream.reconcile.drift import EQUAL, WAITING

if TYPE_CHECKING:
    from hailstream.reconcile.result import TableResult


def print_results(results: Sequence[TableResult], run: int) -> None:
    """What was compared, and a row for each table with one below it for each kind of difference."""
    console = Console()
    table = Table("table")
    for name in ("events", "rows", "equal", "differing", "corrected"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        name = result.table.name
        span = f"from {result.begin:%Y-%m-%d %H:%M} to {result.end:%Y-%m-%d %H:%M} UTC, by {result.table.time}"
        console.print(f"{name}: {span}, as far as {result.held_by} goes", highlight=False)
        numbers = (result.events, result.rows, result.counted(EQUAL), result.differing, result.corrected)
        table.add_row(name, *(f"{number:,}" for number in numbers))
        for (kind, reason), group in result.kinds.items():
            table.add_row(f"  {kind}: {reason}", "", "", "", f"{group.rows:,}", "", style="dim")
        if waiting := result.counted(WAITING):
            table.add_row(f"  {WAITING}", "", f"{waiting:,}", "", "", "", style="dim")
    console.print(table)
    console.print(f"run {run} of table batch_runs", style="dim", highlight=False)
