"""What a curate did, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from hailstream.curate.run import Curated


def print_curated(done: Curated, run: int) -> None:
    """The months, what rules did to rows, and the checks that failed."""
    console = Console()
    first, last = done.months[0], done.months[-1]
    console.print(
        f"{done.raw_rows:,} events of {len(done.months)} months, {first:%Y-%m} to {last:%Y-%m}: {done.trips:,} trips; "
        f"{len(done.changed)} months changed, {sum(done.changed.values()):,} rows written",
        highlight=False,
    )
    rules = Table("rule")
    for name in ("kept", "marked", "dropped"):
        rules.add_column(name, justify="right")
    for rule, counts in done.rule_sums().items():
        if any(counts[1:]):
            rules.add_row(rule, *(f"{count:,}" for count in counts))
    console.print(rules)
    failed = [check for check in done.checks if not check.passed]
    console.print(f"{len(done.checks) - len(failed)} of {len(done.checks)} checks passed", highlight=False)
    for check in failed:
        line = f"{check.table}: {check.name}: {check.observed}, expected {check.expected}"
        console.print(line, style="red" if check.hard else "yellow", markup=False, highlight=False)
    console.print(f"run {run} of table batch_runs", style="dim", highlight=False)
