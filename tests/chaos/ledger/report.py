"""What a run says at the end, for people."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.ledger.lines import Line
from tests.chaos.ledger.ordeal import Outcome, Struck


def actions_table(outcome: Outcome) -> Table:
    """Each action, when, and how long until results flowed again."""
    table = Table(title="What was done, and how long until results flowed again", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("at", "what", "paused", "back after", ""):
        table.add_column(heading, justify="left" if heading in ("what", "") else "right", no_wrap=bool(heading))
    for struck in outcome.struck:
        action = struck.action
        name = action.name if action.kind != "nothing" else "nothing (the way through)"
        table.add_row(
            f"{struck.at:.1f} s",
            name,
            f"{action.pause:.1f} s" if action.pause else "",
            "[red]never[/]" if struck.recovered is None else f"{struck.recovered:.1f} s",
            "" if struck.alone else "[dim]with others[/]",
        )
    return table


def lines_table(lines: Sequence[Line]) -> Table:
    """Each table, and how many of its rows are not as they should be."""
    table = Table(title="What came out, against a recount of the log", title_justify="left", box=SIMPLE_HEAD)
    for heading in ("what", "rows", "missing", "extra", "doubled", "wrong", ""):
        table.add_column(heading, justify="left" if heading in ("what", "") else "right", no_wrap=bool(heading))
    for line in lines:
        numbers = [_number(number) for number in (line.missing, line.extra, line.doubled, line.wrong)]
        table.add_row(line.name, f"{line.rows:,}", *numbers, f"[dim]{escape(line.note)}[/]")
    return table


def verdict(outcome: Outcome, lines: Sequence[Line]) -> list[str]:
    """What is not right; empty when everything is."""
    wrong = [f"{line.name}: {line.differing:,} rows differ" for line in lines if line.differing]
    never = [f"no results again after {struck.action.name}" for struck in outcome.struck if struck.recovered is None]
    return [*outcome.faults, *never, *wrong]


def print_report(outcome: Outcome, lines: Sequence[Line], console: Console) -> None:
    """Both tables, what ended by itself, and the verdict."""
    console.print(actions_table(outcome))
    console.print(lines_table(lines))
    for line in lines:
        for example in line.examples:
            console.print(f"{line.name}: {example}", style="red", markup=False, highlight=False)
    for name, code, words in outcome.ended:
        text = f"{name} ended by itself with exit code {code} and was started again: {words}"
        console.print(text, style="yellow", markup=False, highlight=False)
    faults = verdict(outcome, lines)
    for fault in faults:
        console.print(fault, style="bold red", markup=False, highlight=False)
    struck = [s for s in outcome.struck if s.action.kind != "nothing"]
    done = f"{_count(struck, 'kill')} kills and {_count(struck, 'pause')} pauses"
    rows = sum(line.rows for line in lines)
    if faults:
        console.print(f"[bold red]{done}: not as it should be[/]")
    else:
        times = [s.recovered for s in struck if s.recovered is not None]
        back = f"; back after {median(times):.0f} s in the median, {max(times):.0f} s at most" if times else ""
        console.print(f"[bold green]{done}: {rows:,} rows, 0 missing, 0 doubled, 0 wrong[/]{back}", highlight=False)


def _count(struck: Sequence[Struck], kind: str) -> int:
    return sum(1 for s in struck if s.action.kind == kind)


def _number(number: int) -> str:
    return f"[bold red]{number:,}[/]" if number else "0"
