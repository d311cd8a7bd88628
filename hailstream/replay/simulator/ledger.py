"""The ledger: what was injected, so that anyone can measure what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.replay.simulator.cases import NAMES, Case
from hailstream.replay.simulator.labels import AIMS, should_be_found
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

COLUMNS = (
    "kind",
    "case",
    "trip_id",
    "topic",
    "event_time",
    "behind_ms",
    "detail",
    "rule",
    "size",
    "basis",
    "other_trip_id",
)


@dataclass(frozen=True)
class LedgerCounts:
    """Faults sent, by kind and by (kind, case)."""

    kinds: Mapping[str, int]
    cases: Mapping[tuple[str, str], int]


class Ledger:
    """Writes a row for each faulty event that is handed out, and counts them.

    Args:
        path: CSV file, made anew; None only counts.

    Raises:
        HailstreamError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._cases: Counter[tuple[str, str]] = Counter()
        if path is not None:
            header = pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                header.write_csv(path)
            except OSError as error:
                raise HailstreamError(
                    f"ledger {path} cannot be written: {error.strerror or error}", hint="give another file: ledger=PATH"
                ) from None

    def add(self, events: pl.DataFrame) -> None:
        """Take note of the faulty ones among events that are handed out (with the hidden columns and ``_behind``)."""
        faulty = events.filter(pl.col("_case") > 0)
        if faulty.is_empty():
            return
        for case, count in faulty["_case"].value_counts().iter_rows():
            self._cases[NAMES[Case(case)]] += count
        if self._path is None:
            return
        with self._path.open("ab") as file:
            ledger_rows(faulty).write_csv(file, include_header=False)

    @property
    def counts(self) -> LedgerCounts:
        kinds: Counter[str] = Counter()
        for (kind, _), count in self._cases.items():
            kinds[kind] += count
        return LedgerCounts(dict(sorted(kinds.items())), dict(sorted(self._cases.items())))


def ledger_rows(faulty: pl.DataFrame) -> pl.DataFrame:
    """The ledger's rows of faulty events, as ``COLUMNS``; ``rule`` is by the usual thresholds."""
    kinds = {int(case): kind for case, (kind, _) in NAMES.items()}
    cases = {int(case): name for case, (_, name) in NAMES.items()}
    return faulty.select(
        kind=pl.col("_case").replace_strict(kinds, return_dtype=pl.String),
        case=pl.col("_case").replace_strict(cases, return_dtype=pl.String),
        trip_id="trip_id",
        topic=pl.when("is_end").then(pl.lit(TRIPS_ENDED.base)).otherwise(pl.lit(TRIPS_STARTED.base)),
        event_time=pl.col("event_time").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
        behind_ms="_behind",
        detail="_detail",
        rule=pl.Series(_rules(faulty), dtype=pl.String),
        size=pl.col("_size").round(6),
        basis=pl.col("_basis").round(6),
        other_trip_id="_other",
    )


def _rules(faulty: pl.DataFrame) -> list[str | None]:
    """The rule that should find each event, where one should."""
    cases, ends = faulty["_case"].to_numpy(), faulty["is_end"].to_numpy()
    # Rounded as they are written, so that who reads them comes to the same answer.
    sizes, bases = (faulty[name].round(6).fill_null(float("nan")).to_numpy() for name in ("_size", "_basis"))
    rules: list[str | None] = [None] * faulty.height
    for case, aim in AIMS.items():
        rows = np.flatnonzero((cases == case) & (ends == aim.at_end))
        for row in rows[should_be_found(case, sizes[rows], bases[rows], Thresholds())].tolist():
            rules[row] = aim.rule.name
    return rules
