"""What a backfill did, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from hailstream.archive.months import Month
from hailstream.topics import EVENT_TOPICS

if TYPE_CHECKING:
    from hailstream.backfill.run import Outcome
    from hailstream.backfill.windows import WindowsOutcome


def events_in(months: Sequence[Month]) -> int:
    """How many events months have, of both topics."""
    return sum(part.rows for month in months for topic in EVENT_TOPICS for part in month.of(topic))


def print_outcome(outcome: Outcome, windows: WindowsOutcome, run: int) -> None:
    """Months, rows and windows; what failed last."""
    console = Console()

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)

    published = outcome.published
    if published:
        rows, rejects = sum(month.rows for month in published), Counter[str]()
        for month in published:
            rejects.update(month.rejects)
        say(
            f"{len(published):,} months written: {rows:,} rows are {events_in(published):,} events"
            f" and {sum(rejects.values()):,} rejects"
        )
        for reason, count in sorted(rejects.items()):
            say(f"  {reason}: {count:,}")
    if outcome.same:
        say(f"{len(outcome.same):,} months have this content already and were left alone (--force writes them anew)")
    compared, corrected = Counter[str](), Counter[str]()
    for result in windows.results:
        compared[result.table.name] += result.rows
        corrected[result.table.name] += result.corrected
    for table, count in compared.items():
        say(f"{table}: {count:,} rows compared, {corrected[table]:,} written")
    if not published and not corrected.total():
        say("no row was changed")
    for name, held_by in sorted(windows.waiting.items()):
        say(f"{name}: windows beyond what the stream has come to wait for its {held_by}; run it again then", "yellow")
    for failure in outcome.failed:
        say(failure, "red")
    say(f"run {run} of table batch_runs", "dim")
