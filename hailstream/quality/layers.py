"""Checks of all layers of some months: each by itself, and that none lost or made a row or a cent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from hailstream.curate.counts import Raw, RuleCount
from hailstream.quality.result import Check
from hailstream.quality.rules import curated_schema, staging_schema
from hailstream.quality.validate import Asked, as_checks, failures
from hailstream.quality.watch import watch

#: Tables each row of staging is in once.
WHOLE: Final = (
    "daily_summary",
    "hourly_patterns",
    "payment_analysis",
    "distance_analysis",
    "location_analysis",
    "daily_zone_aggregations",
    "vendor_performance",
    "zone_performance",
    "trip_weather",
)
#: Bytes of files that are looked at at once.
_BATCH_BYTES: Final = 48 * 2**20


@dataclass(frozen=True)
class Layers:
    """What is checked.

    Attributes:
        raw: what the archive has.
        staging: folder of the rows that were written, of these months and perhaps others.
        curated: rows of all tables.
        rules: what became of rows.
        weather: whether there should be any.
    """

    months: list[date]
    raw: Raw
    staging: str
    curated: Mapping[str, pl.DataFrame]
    rules: list[RuleCount]
    weather: bool


@dataclass
class Staged:
    """What the files of staging have: rows, those within the bounds, cents of all and of those.

    Attributes:
        driven: rows with a driver.
        failed: what they do not keep of their schema.
    """

    rows: int = 0
    total_cents: int = 0
    trips: int = 0
    revenue_cents: int = 0
    driven: int = 0
    distinct: int = 0
    failed: Counter[Asked] = field(default_factory=Counter)


def check_layers(layers: Layers) -> list[Check]:
    """All checks, passed or not."""
    staged = _read(_files(layers))
    checks = as_checks(staging_schema(), "staging", "staging", staged.failed)
    checks.append(_equal("staging", "staging", "trips by their id", staged.distinct, staged.rows))
    for name, frame in layers.curated.items():
        schema = curated_schema(name)
        checks += as_checks(schema, "curated", name, failures(schema, frame))
    checks += _raw_to_staging(layers.raw, staged)
    for name in WHOLE:
        checks += _staging_to_curated(name, staged, layers.curated[name])
    checks += _parts(staged, layers.curated)
    return checks + watch(layers.months, layers.rules, layers.curated, weather=layers.weather)


def _files(layers: Layers) -> list[Path]:
    root = Path(layers.staging)
    return [path for month in layers.months for path in sorted((root / f"month={month}").rglob("*.parquet"))]


def _read(files: list[Path]) -> Staged:
    """One look at each file."""
    staged = Staged()
    ids = []
    for frame in _batches(files):
        staged.failed += failures(staging_schema(), frame)
        kept = frame.filter(pl.col("within_bounds"))
        staged.rows += frame.height
        staged.trips += kept.height
        staged.total_cents += int(frame["total_cents"].sum())
        staged.revenue_cents += int(kept["total_cents"].sum())
        staged.driven += frame.height - frame["driver_id"].null_count()
        ids.append(frame["trip_id"])
    staged.distinct = pl.concat(ids).n_unique() if ids else 0
    return staged


def _batches(files: list[Path]) -> Iterator[pl.DataFrame]:
    batch: list[Path] = []
    size = 0
    for path in files:
        batch.append(path)
        size += path.stat().st_size
        if size >= _BATCH_BYTES:
            yield _frame(batch)
            batch, size = [], 0
    if batch:
        yield _frame(batch)


def _frame(files: list[Path]) -> pl.DataFrame:
    schema = {"month": pl.Date, "date": pl.Date, "time_of_day": pl.String}
    return pl.read_parquet(files, hive_partitioning=True, hive_schema=schema)


def _raw_to_staging(raw: Raw, staged: Staged) -> list[Check]:
    layer, table = "raw → staging", "staging"
    return [
        _equal(layer, table, "rows", staged.rows + raw.copies, raw.rows),
        _equal(layer, table, "sum of totals, cents", staged.total_cents + raw.copied_cents, raw.total_cents),
    ]


def _staging_to_curated(table: str, staged: Staged, frame: pl.DataFrame) -> list[Check]:
    found = frame.select(
        pl.col("rows", "trips").sum(),
        *((pl.col(name).sum() * 100).cast(pl.Int64) for name in ("total_sum", "revenue_sum")),
    ).row(0, named=True)
    layer = "staging → curated"
    return [
        _equal(layer, table, "rows", found["rows"] or 0, staged.rows),
        _equal(layer, table, "sum of totals, cents", found["total_sum"] or 0, staged.total_cents),
        _equal(layer, table, "trips within the bounds", found["trips"] or 0, staged.trips),
        _equal(layer, table, "their revenue, cents", found["revenue_sum"] or 0, staged.revenue_cents),
    ]


def _parts(staged: Staged, curated: Mapping[str, pl.DataFrame]) -> list[Check]:
    """Tables that have some of the rows, or count them by something else."""
    layer = "staging → curated"
    counts = {
        ("driver_performance", "rows with a driver", "rows"): staged.driven,
        ("demand_features", "trips", "trips"): staged.rows,
        ("daily_zone_aggregations", "drop-offs", "dropoffs"): staged.rows,
    }
    return [
        _equal(layer, table, told, int(curated[table][column].sum()), expected)
        for (table, told, column), expected in counts.items()
        if table in curated
    ]


def _equal(layer: str, table: str, name: str, observed: int, expected: int) -> Check:
    return Check(layer, table, name, True, observed == expected, f"{observed:,}", f"{expected:,}")
