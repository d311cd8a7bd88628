"""What a reconcile found, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from hailstream.reconcile.run import MetricResult


def print_results(results: Sequence[MetricResult], run: int) -> None:
    """What was compared, and a row for each metric with one below it for each kind of difference."""
    console = Console()
    table = Table("metric")
    for name in ("events", "rows", "differing", "corrected"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        span = f"windows that end after {result.begin:%Y-%m-%d %H:%M} up to {result.end:%Y-%m-%d %H:%M} UTC"
        console.print(f"{result.metric}: {span}, as far as {result.held_by} goes", highlight=False)
        numbers = (result.events, result.rows, result.differing, result.corrected)
        table.add_row(result.metric, *(f"{number:,}" for number in numbers))
        for (kind, reason), count in sorted(result.kinds.items()):
            table.add_row(f"  {kind}: {reason}", "", "", f"{count:,}", "", style="dim")
    console.print(table)
    console.print(f"run {run} of table batch_runs", style="dim", highlight=False)
