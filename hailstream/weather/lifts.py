"""What weather does to demand, fares and tips.

Hours with some weather are held against mild, dry ones of the same hour of the
day and kind of day (working or weekend) in the same month: so that rain in the
night is not compared with a dry afternoon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

#: Degrees Celsius: cold is below the first, hot is from the second on.
COLD_C, HOT_C = 0.0, 30.0

_DRY: Final = pl.col("precipitation_mm") == 0
_MILD: Final = (pl.col("temperature_c") >= COLD_C) & (pl.col("temperature_c") < HOT_C)
#: Hours to look at, by name; an hour may be in several.
CONDITIONS: Final[Mapping[str, pl.Expr]] = {
    "rain": (pl.col("precipitation_mm") > 0) & ~pl.col("snow"),
    "snow": pl.col("snow"),
    "cold": _DRY & (pl.col("temperature_c") < COLD_C),
    "hot": _DRY & (pl.col("temperature_c") >= HOT_C),
}
_CELL: Final = ("month", "weekend", "hour_local")
SCHEMA: Final = {
    "month": pl.Date,
    "condition": pl.String,
    "hours": pl.Int64,
    "trips": pl.Int64,
    "expected_trips": pl.Float64,
    "demand_lift": pl.Float64,
    "fare_lift": pl.Float64,
    "tip_lift": pl.Float64,
}


def weather_lifts(hours: pl.DataFrame) -> pl.DataFrame:
    """A row for each month and condition that has hours with mild ones to compare them with.

    ``demand_lift`` is trips (all rows) over those expected, less 1; ``fare_lift`` and ``tip_lift`` the same
    of the fare and tip of a trip within the bounds. Null where nothing is to be divided by.

    Args:
        hours: rows of ``trip_weather``.
    """
    cents = [(pl.col(f"{name}_sum") * 100).cast(pl.Int64).alias(name) for name in ("fare", "tip")]
    known = hours.select(
        *_CELL, pl.col("rows").alias("all"), "trips", *cents, "temperature_c", "precipitation_mm", "snow"
    ).sort(_CELL)
    mild = (
        known.filter(_DRY & _MILD)
        .group_by(_CELL)
        .agg(pl.len().alias("mild_hours"), *(pl.col(name).sum().alias(f"mild_{name}") for name in _SUMMED))
    )
    found = [_lifts(known.filter(wanted), mild, name) for name, wanted in CONDITIONS.items()]
    return pl.concat(found).sort("month", "condition")


_SUMMED: Final = ("all", "trips", "fare", "tip")


def _lifts(hours: pl.DataFrame, mild: pl.DataFrame, condition: str) -> pl.DataFrame:
    cells = hours.group_by(_CELL).agg(pl.len().alias("hours"), *(pl.col(name).sum() for name in _SUMMED))
    per_trip = {name: pl.col("trips") * pl.col(f"mild_{name}") / pl.col("mild_trips") for name in ("fare", "tip")}
    expected = cells.join(mild, on=_CELL).with_columns(
        (pl.col("hours") * pl.col("mild_all") / pl.col("mild_hours")).alias("expected"),
        *(pl.when(pl.col("mild_trips") > 0).then(value).alias(f"expected_{name}") for name, value in per_trip.items()),
    )
    # In one order, so that sums of floats are always the same.
    summed = (
        expected.sort(_CELL)
        .group_by("month", maintain_order=True)
        .agg(pl.col("hours", *_SUMMED, "expected", "expected_fare", "expected_tip").sum())
    )
    return summed.select(
        "month",
        pl.lit(condition).alias("condition"),
        pl.col("hours").cast(pl.Int64),
        pl.col("all").cast(pl.Int64).alias("trips"),
        pl.col("expected").round(2).alias("expected_trips"),
        _lift("all", "expected").alias("demand_lift"),
        _lift("fare", "expected_fare").alias("fare_lift"),
        _lift("tip", "expected_tip").alias("tip_lift"),
    ).cast(SCHEMA)  # type: ignore[arg-type]


def _lift(what: str, expected: str) -> pl.Expr:
    return pl.when(pl.col(expected) != 0).then(pl.col(what) / pl.col(expected) - 1).round(4)
