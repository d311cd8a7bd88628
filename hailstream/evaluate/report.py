"""What an evaluation of alerts says to a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hailstream.evaluate.detect import Pair
from hailstream.evaluate.files import FileProof
from hailstream.evaluate.score import RuleScore

_HEADINGS = (
    "rule",
    "faults",
    "should",
    "alerts",
    "hits",
    "also",
    "false",
    "missed",
    "precision",
    "recall",
    "target",
)


def print_scores(
    scores: Sequence[RuleScore], details: Mapping[tuple[str, str], str], console: Console, *, examples: int
) -> None:
    """The table of rules, and examples of what was missed and what was false.

    Args:
        details: of faults, by rule and trip.
        examples: of each rule and kind, at the most.
    """
    table = _table(*_HEADINGS)
    for s in scores:
        numbers = (s.injected, s.should, s.alerts, s.hits, s.also, len(s.false), len(s.missed))
        shares = (_share(s.precision), _share(s.recall), f"{s.target:g}")
        table.add_row(s.rule, *(f"{n:,}" for n in numbers), *shares, style=None if s.met else "red")
    console.print(table)
    for s in scores:
        for what, pairs in (("missed", s.missed), ("false", s.false)):
            for pair in pairs[:examples]:
                _line(console, f"{what} {s.rule}: {_trips(pair)}; {_known(s.rule, pair, details)}")
    untested = [s.rule for s in scores if not s.should]
    if untested:
        _line(console, f"not put to the test: {', '.join(untested)}; more --minutes or a higher --rate do")
    short = [s.rule for s in scores if not s.met and s.should]
    if short:
        _line(console, f"below the target: {', '.join(short)}")
    if not untested and not short:
        console.print("[bold green]every rule reaches its target[/]")


def print_files(proof: FileProof, console: Console, *, examples: int) -> None:
    """The table of rules: what the queries give and what the rules do not have, or have beyond it."""
    table = _table("rule", "query", "equal", "missing", "extra")
    for rule in proof.rules:
        numbers = (rule.expected, rule.expected - rule.missing, rule.missing, rule.extra)
        table.add_row(rule.rule, *(f"{n:,}" for n in numbers), style="red" if rule.differing else None)
    console.print(table)
    for rule in proof.rules:
        for trip, other, side in rule.examples[:examples]:
            _line(console, f"{side} {rule.rule}: {_trips((trip, other))}")
    rejected = sum(proof.report.rejects.values())
    _line(console, f"{proof.report.rows_read:,} rows, {rejected:,} rejected, {proof.events:,} events")
    colour = "red" if proof.differing else "green"
    console.print(f"[bold {colour}]{proof.differing} alerts differ from the queries[/]")


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "rule" else "right", no_wrap=heading == "rule")
    return table


def _share(value: float | None) -> str:
    # Not rounded up to a target that is not reached.
    return "-" if value is None else f"{int(value * 10_000) / 10_000:.4f}"


def _trips(pair: Pair) -> str:
    trip, other = pair
    return trip if other is None else f"{trip} with {other}"


def _known(rule: str, pair: Iterable[str | None], details: Mapping[tuple[str, str], str]) -> str:
    found = [text for trip in pair if trip is not None and (text := details.get((rule, trip)))]
    return "; ".join(found) or "no fault for this rule"


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
