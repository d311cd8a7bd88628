"""A run's events beside the rows of its ledger."""

from __future__ import annotations

import polars as pl

from hailstream.domain.clock import NEW_YORK
from hailstream.topics import TRIPS_ENDED
from tests.unit.simulator.conftest import Run

KEY = ["trip_id", "is_end"]


def labelled(run: Run) -> pl.DataFrame:
    """Ledger rows with ``is_end`` instead of the topic."""
    return run.ledger.with_columns(is_end=pl.col("topic") == TRIPS_ENDED.base)


def of(run: Run, kind: str, case: str | None = None) -> pl.DataFrame:
    """The events of a kind of fault, with the ledger's columns."""
    rows = labelled(run).filter(pl.col("kind") == kind, pl.lit(True) if case is None else pl.col("case") == case)
    return run.events.unique(KEY, keep="first", maintain_order=True).join(
        rows.select(*KEY, "case", "behind_ms", "detail", "rule", "size", "basis", "other_trip_id"), on=KEY, how="inner"
    )


def readable(run: Run) -> pl.DataFrame:
    """Each readable event once, its repeats removed."""
    return run.events.filter(pl.col("raw").is_null()).unique(KEY, keep="first", maintain_order=True)


def with_seconds(trips: pl.DataFrame) -> pl.DataFrame:
    return trips.with_columns(
        local=pl.col("started_at").dt.convert_time_zone(NEW_YORK),
        seconds=(pl.col("event_time") - pl.col("started_at")).dt.total_milliseconds() / 1000,
    )
