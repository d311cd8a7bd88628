"""Rows that can be no event: the account of them, and a CSV file that shows each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hailstream.replay.blocks import REJECT_SCHEMA, ROW, originals

#: Every reason there is, with what it means.
REASONS: Mapping[str, str] = {
    "field_count": "the line has too few fields (torn), or values beyond the last column",
    "missing_time": "a time that the event needs is blank",
    "bad_time": "a time that cannot be read",
    "before_1970": "a time that a Kafka record cannot carry",
    "future": "a time later than now",
    "bad_amount": "an amount that is no number or does not fit decimal(10,2)",
    "bad_number": "a count, code, distance or coordinate that is no number of its type",
    "bad_event_type": "a ride event that is neither START nor END",
    "missing_ride_id": "a ride event or fare without its ride",
    "no_trip": "a fare whose trip is in none of the files",
    "duplicate_fare": "a second fare of one trip",
}


@dataclass(frozen=True)
class Check:
    """Rows for which ``fails`` holds are rejected as ``reason``, which ``column`` caused."""

    fails: pl.Expr
    reason: str
    column: str


def apply_checks(
    rows: pl.DataFrame, source_rows: pl.DataFrame, checks: Sequence[Check]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that pass every check, and the rejects, each with the first check it failed.

    Args:
        rows: rows with ``row``.
        source_rows: the block they were read from, for their original text.
        checks: in order of precedence.
    """
    failed = rows.select(
        ROW, at=pl.coalesce(pl.when(c.fails).then(pl.lit(i, pl.Int32)) for i, c in enumerate(checks))
    ).filter(pl.col("at").is_not_null())
    if failed.is_empty():
        return rows, pl.DataFrame(schema=REJECT_SCHEMA)
    texts = originals(source_rows.join(failed, on=ROW, how="semi", maintain_order="left"))
    rejects = failed.join(texts, on=ROW, maintain_order="left").select(
        ROW,
        reason=pl.col("at").replace_strict({i: c.reason for i, c in enumerate(checks)}, return_dtype=pl.String),
        column=pl.col("at").replace_strict({i: c.column for i, c in enumerate(checks)}, return_dtype=pl.String),
        text="text",
    )
    return rows.join(failed, on=ROW, how="anti", maintain_order="left"), rejects


class RejectLog:
    """Counts rejects by reason and writes them to ``path``, which exists only when there is one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: Counter[str] = Counter()
        path.unlink(missing_ok=True)

    @property
    def counts(self) -> dict[str, int]:
        return dict(sorted(self._counts.items()))

    @property
    def file(self) -> Path | None:
        return self._path if self._counts else None

    def add(self, file: str, rejects: pl.DataFrame) -> None:
        """Take the rejects (``REJECT_SCHEMA``) of ``file``."""
        if rejects.is_empty():
            return
        first = not self._counts
        for reason, count in rejects["reason"].value_counts().iter_rows():
            self._counts[reason] += count
        with self._path.open("wb" if first else "ab") as out:
            rejects.select(pl.lit(file).alias("file"), *REJECT_SCHEMA).write_csv(out, include_header=first)
