"""The simulator's ledger as labels: what each rule should find, and what it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.evaluate.detect import Found, Pair
from hailstream.replay.simulator.cases import NAMES, Case
from hailstream.replay.simulator.labels import AIMS, ALSO, should_be_found
from hailstream.replay.simulator.ledger import COLUMNS
from hailstream.topics import TRIPS_ENDED

_NUMBERS = {"behind_ms": pl.Int64, "size": pl.Float64, "basis": pl.Float64}
_CASES = {names: case for case, names in NAMES.items()}


@dataclass(frozen=True)
class Labels:
    """What is known of the faults in some events.

    Attributes:
        injected: by rule the faults that are for it, of every size.
        should: by rule those that it should find.
        also: by rule the trips of which it may speak because of a fault that is for another rule.
        details: of faults, by rule and trip, for people.
    """

    injected: Mapping[str, int]
    should: Found
    also: Mapping[str, frozenset[str]]
    details: Mapping[tuple[str, str], str]


def read_ledger(path: Path) -> pl.DataFrame:
    """The rows of a ledger.

    Raises:
        HailstreamError: there is none, or it is not a ledger of this version.
    """
    again = "replay the simulator again: it writes ledger.csv, or the file of ledger=PATH"
    types = dict.fromkeys(COLUMNS, pl.String) | _NUMBERS
    try:
        ledger = pl.read_csv(path, schema_overrides=types)
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise HailstreamError(f"ledger {path} cannot be read: {reason}", hint=again, exit_code=2) from None
    except pl.exceptions.PolarsError as error:
        line = str(error).splitlines()[0]
        raise HailstreamError(f"{path} is no ledger: {line}", hint=again, exit_code=2) from None
    if missing := [name for name in COLUMNS if name not in ledger.columns]:
        raise HailstreamError(f"ledger {path} has no column {', '.join(missing)}", hint=again, exit_code=2)
    known = {*_CASES}
    if strange := [pair for pair in ledger.select("kind", "case").unique().rows() if pair not in known]:
        raise HailstreamError(f"ledger {path} has a fault that is not known: {strange[0]}", hint=again, exit_code=2)
    return ledger


def label(ledger: pl.DataFrame, thresholds: Thresholds) -> Labels:
    """Labels by the thresholds in force; ``rule`` in the ledger is by the usual ones."""
    injected: dict[str, int] = {}
    should: Found = {}
    details: dict[tuple[str, str], str] = {}
    also: dict[str, set[str]] = {}
    for (kind, name), rows in ledger.group_by("kind", "case"):
        case = _CASES[str(kind), str(name)]
        for rule in ALSO.get(case, ()):
            also.setdefault(rule, set()).update(rows["trip_id"])
        if case in AIMS:
            rule = AIMS[case].rule.name
            pairs = _pairs(case, rows, thresholds, details)
            injected[rule] = injected.get(rule, 0) + len(pairs)
            should.setdefault(rule, set()).update(pair for pair, wanted in pairs.items() if wanted)
    return Labels(injected, should, {rule: frozenset(trips) for rule, trips in also.items()}, details)


def _pairs(
    case: Case, rows: pl.DataFrame, thresholds: Thresholds, details: dict[tuple[str, str], str]
) -> dict[Pair, bool]:
    """The faults of a case, once each, and whether they should be found."""
    aim = AIMS[case]
    told = rows.filter((pl.col("topic") == TRIPS_ENDED.base) == aim.at_end)
    sizes, bases = (told[name].fill_null(float("nan")).to_numpy() for name in ("size", "basis"))
    wanted: np.ndarray[tuple[int], np.dtype[np.bool_]] = should_be_found(case, sizes, bases, thresholds)
    found = told.select("trip_id", "other_trip_id", "detail").with_columns(wanted=pl.Series(wanted))
    details |= {(aim.rule.name, trip): f"{case.name.lower()}: {text}" for trip, _, text, _ in found.iter_rows()}
    return {(trip, other): bool(should) for trip, other, _, should in found.iter_rows()}
