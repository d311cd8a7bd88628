"""What benchmarks measure, and the medians of it over several runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """What a figure should reach: at least (or ``at_most``) ``value``."""

    value: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.value if self.at_most else value >= self.value


@dataclass(frozen=True)
class Figure:
    """One figure of one run.

    Attributes:
        case: what was measured, a row of the benchmark's table.
        value: the figure.
        unit: of the value.
        cpu: processor time it cost, microseconds per event or row; None where that says nothing.
        cpu_by_process: the same, by kind of process.
        target: what it should reach.
        note: what else one has to know to read it.
    """

    case: str
    value: float
    unit: str
    cpu: float | None = None
    cpu_by_process: Mapping[str, float] = field(default_factory=dict)
    target: Target | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A case over all runs.

    Attributes:
        median, low, high: of the runs' values.
        ratio: median of the ratios to the benchmark's first case of the same unit, each taken
            within one run; None for that case itself.
        cpu: median of the runs.
    """

    case: str
    unit: str
    median: float
    low: float
    high: float
    runs: int
    ratio: float | None
    cpu: float | None
    cpu_by_process: Mapping[str, float]
    target: Target | None
    note: str

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.target.met(self.median)


def summarise(runs: Sequence[Sequence[Figure]]) -> list[Row]:
    """A row for each case, in the order in which cases first appear."""
    cases = list(dict.fromkeys((figure.case, figure.unit) for run in runs for figure in run))
    by_run = [{(figure.case, figure.unit): figure for figure in run} for run in runs]
    bases: dict[str, tuple[str, str]] = {}
    for key in cases:
        bases.setdefault(key[1], key)
    rows = []
    for key in cases:
        found = [run[key] for run in by_run if key in run]
        base = bases[key[1]]
        ratios = [run[key].value / run[base].value for run in by_run if key in run and base in run and run[base].value]
        values = [figure.value for figure in found]
        cpus = [figure.cpu for figure in found if figure.cpu is not None]
        rows.append(
            Row(
                case=key[0],
                unit=key[1],
                median=statistics.median(values),
                low=min(values),
                high=max(values),
                runs=len(found),
                ratio=statistics.median(ratios) if ratios and key != base else None,
                cpu=statistics.median(cpus) if cpus else None,
                cpu_by_process=_medians(figure.cpu_by_process for figure in found),
                target=found[0].target,
                note="; ".join(dict.fromkeys(figure.note for figure in found if figure.note)),
            )
        )
    return rows


def _medians(runs: Iterable[Mapping[str, float]]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for run in runs:
        for name, value in run.items():
            values.setdefault(name, []).append(value)
    return {name: statistics.median(found) for name, found in values.items()}
