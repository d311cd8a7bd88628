"""Results as a table in the terminal, as markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.table import Table

from bench.figures import Row

HEADINGS = ("case", "median", "range", "to the first", "CPU", "target", "note")


@dataclass(frozen=True)
class Result:
    """A benchmark's rows, or why there are none.

    Attributes:
        description: first line of what the benchmark says it does.
    """

    name: str
    title: str
    description: str
    rows: Sequence[Row]
    failed: str = ""


def cells(row: Row, cores: int) -> tuple[str, ...]:
    """The row as text, one entry a heading.

    Processor time per event also says how many events a second the machine
    could take if nothing else ran on it: that is in the brackets.
    """
    cpu = "" if row.cpu is None else f"{row.cpu:.2f} µs ({cores / row.cpu * 1e6:,.0f}/s on {cores} free cores)"
    target = ""
    if row.target is not None:
        sign = "≤" if row.target.at_most else "≥"
        target = f"{sign} {_number(row.target.value)}: {'met' if row.met else 'missed'}"
    ranged = f"{_number(row.low)}–{_number(row.high)}" if row.runs > 1 else ""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return (row.case, f"{_number(row.median)} {row.unit}", ranged, ratio, cpu, target, row.note)


def table(result: Result, cores: int) -> Table:
    """For the terminal."""
    made = Table(title=f"{result.title} ({result.name})", title_justify="left")
    for heading in HEADINGS:
        made.add_column(heading, justify="left" if heading in ("case", "note") else "right")
    for row in result.rows:
        made.add_row(*cells(row, cores))
    if result.failed:
        made.caption = f"failed: {result.failed}"
    return made


def markdown(machine: Mapping[str, str], results: Sequence[Result], cores: int) -> str:
    """A page: the machine, then a section for each benchmark."""
    lines = ["# Benchmarks", "", *(f"- {name}: {value}" for name, value in machine.items()), ""]
    lines += [
        "Medians of the runs; ratios are taken within one run. CPU is processor time of all the processes",
        "together, broker included, per event or row.",
        "",
    ]
    for result in results:
        lines += [f"## {result.title}", "", result.description, ""]
        if result.rows:
            lines += [
                _line(HEADINGS),
                _line(["---"] * len(HEADINGS)),
                *(_line(cells(row, cores)) for row in result.rows),
                "",
            ]
            lines += _by_process(result.rows)
        if result.failed:
            lines += [f"Failed: {result.failed}", ""]
    return "\n".join(lines)


def as_json(machine: Mapping[str, str], results: Sequence[Result]) -> str:
    """Everything, for programs."""
    return json.dumps({"machine": dict(machine), "results": [asdict(result) for result in results]}, indent=1) + "\n"


def _by_process(rows: Sequence[Row]) -> list[str]:
    kinds = list(dict.fromkeys(kind for row in rows for kind, used in row.cpu_by_process.items() if used >= 0.01))
    if not kinds:
        return []
    head = ["CPU, µs each", *kinds]
    body = [
        [row.case, *(f"{row.cpu_by_process.get(kind, 0):.2f}" for kind in kinds)] for row in rows if row.cpu_by_process
    ]
    return [_line(head), _line(["---"] * len(head)), *map(_line, body), ""]


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(part.replace("|", "\\|") for part in parts) + " |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
