"""The ledger: what was injected, so that anyone can measure what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import polars as pl

from hailstream.errors import HailstreamError
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED


class Case(IntEnum):
    """Every fault there is; an event carries one at most. The value stands in a frame's ``_case``."""

    NONE = 0
    LATE = 1
    AT_ONCE = 2
    AFTER_SECONDS = 3
    AFTER_MINUTE = 4
    RANDOM = 5
    TRUNCATED = 6
    LENGTHENED = 7
    FLIPPED = 8
    UNKNOWN_SCHEMA = 9
    EMPTY = 10
    FARE_BOUND = 11
    DISTANCE_BOUND = 12
    DURATION_BOUND = 13
    PASSENGERS_BOUND = 14
    COORDINATES_BOUND = 15
    SPEED = 16
    FARE = 17
    OVERLAP = 18
    TRAVEL = 19
    VEHICLES = 20
    REFUND = 21


#: Kind and case of each fault, as the ledger writes them.
NAMES: Mapping[Case, tuple[str, str]] = {
    Case.LATE: ("late", "late"),
    Case.AT_ONCE: ("duplicate", "at_once"),
    Case.AFTER_SECONDS: ("duplicate", "after_seconds"),
    Case.AFTER_MINUTE: ("duplicate", "after_minute"),
    Case.RANDOM: ("corrupt", "random"),
    Case.TRUNCATED: ("corrupt", "truncated"),
    Case.LENGTHENED: ("corrupt", "lengthened"),
    Case.FLIPPED: ("corrupt", "flipped"),
    Case.UNKNOWN_SCHEMA: ("corrupt", "unknown_schema"),
    Case.EMPTY: ("corrupt", "empty"),
    Case.FARE_BOUND: ("bounds", "fare"),
    Case.DISTANCE_BOUND: ("bounds", "distance"),
    Case.DURATION_BOUND: ("bounds", "duration"),
    Case.PASSENGERS_BOUND: ("bounds", "passengers"),
    Case.COORDINATES_BOUND: ("bounds", "coordinates"),
    Case.SPEED: ("speed", "speed"),
    Case.FARE: ("fraud", "fare"),
    Case.OVERLAP: ("fraud", "overlap"),
    Case.TRAVEL: ("fraud", "travel"),
    Case.VEHICLES: ("fraud", "vehicles"),
    Case.REFUND: ("fraud", "refund"),
}
COLUMNS = ("kind", "case", "trip_id", "topic", "event_time", "behind_ms", "detail")


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
        """Take note of the faulty ones among events that are handed out (with ``_case``, ``_behind``, ``_detail``)."""
        faulty = events.filter(pl.col("_case") > 0)
        if faulty.is_empty():
            return
        for case, count in faulty["_case"].value_counts().iter_rows():
            self._cases[NAMES[Case(case)]] += count
        if self._path is None:
            return
        kinds = {int(case): kind for case, (kind, _) in NAMES.items()}
        cases = {int(case): name for case, (_, name) in NAMES.items()}
        rows = faulty.select(
            kind=pl.col("_case").replace_strict(kinds, return_dtype=pl.String),
            case=pl.col("_case").replace_strict(cases, return_dtype=pl.String),
            trip_id="trip_id",
            topic=pl.when("is_end").then(pl.lit(TRIPS_ENDED.base)).otherwise(pl.lit(TRIPS_STARTED.base)),
            event_time=pl.col("event_time").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
            behind_ms="_behind",
            detail="_detail",
        )
        with self._path.open("ab") as file:
            rows.write_csv(file, include_header=False)

    @property
    def counts(self) -> LedgerCounts:
        kinds: Counter[str] = Counter()
        for (kind, _), count in self._cases.items():
            kinds[kind] += count
        return LedgerCounts(dict(sorted(kinds.items())), dict(sorted(self._cases.items())))
