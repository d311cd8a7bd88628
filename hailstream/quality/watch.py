"""Soft checks: what may be right and should be looked at. Marked rows, missing hours, days unlike others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from hailstream.curate.counts import RuleCount
from hailstream.curate.staging_sql import MARKS
from hailstream.quality.result import Check

#: A larger share of rows with one mark is told.
MOST_MARKED: Final = 0.05
#: A larger modified z-score is an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
MOST_Z: Final = 3.5
#: By which it makes of a median deviation what a standard deviation would be.
_NORMAL: Final = 0.6745
#: Fewer days of a kind say nothing.
_LEAST_DAYS: Final = 4


def watch(
    months: list[date], rules: list[RuleCount], curated: Mapping[str, pl.DataFrame], *, weather: bool
) -> list[Check]:
    """The soft checks of some months."""
    return [*_marks(rules), *_continuity(curated, months), *_outliers(curated), *_weather(curated, weather)]


def _marks(rules: list[RuleCount]) -> list[Check]:
    checks = []
    for name in MARKS:
        kept, marked = (sum(getattr(rule, kind) for rule in rules if rule.rule == name) for kind in ("kept", "marked"))
        share = marked / (kept + marked) if kept + marked else 0.0
        passed = share <= MOST_MARKED
        checks.append(
            _soft("staging", "staging", f"marked {name}", passed, f"{share:.2%}", f"at most {MOST_MARKED:.0%}")
        )
    return checks


def _continuity(curated: Mapping[str, pl.DataFrame], months: list[date]) -> list[Check]:
    days, hours = curated["daily_summary"], curated["trip_weather"]
    missing = 0
    for _, of_month in days.group_by("month"):
        dates = of_month["date"]
        missing += (dates.max() - dates.min()).days + 1 - dates.n_unique()  # type: ignore[operator,union-attr]
    silent = int((hours["rows"] == 0).sum())
    span = f"of {len(months)} months"
    return [
        _soft("curated", "daily_summary", "days without trips between others", not missing, f"{missing:,} {span}", "0"),
        _soft("curated", "trip_weather", "hours without trips between others", not silent, f"{silent:,} {span}", "0"),
    ]


def _outliers(curated: Mapping[str, pl.DataFrame]) -> list[Check]:
    days = curated["daily_summary"].filter(pl.col("trips") > 0)
    values = {
        "rows of a day, by kind of day": pl.col("rows").cast(pl.Float64),
        "fare of a trip by day": pl.col("fare_sum").cast(pl.Float64) / pl.col("trips"),
    }
    checks = []
    for name, value in values.items():
        judged = days.with_columns(value.alias("value"), weekend=pl.col("date").dt.weekday() > 5)
        outside = [
            str(day)
            for _, group in judged.group_by("month", "weekend", maintain_order=True)
            for day in _unlike(group.sort("date"))
        ]
        told = f"{len(outside)} days: {', '.join(outside[:5])}{', …' if len(outside) > 5 else ''}" if outside else "0"
        checks.append(_soft("curated", "daily_summary", name, not outside, told, f"modified z-score up to {MOST_Z}"))
    return checks


def _unlike(days: pl.DataFrame) -> list[date]:
    """Days whose value is far from the median of all."""
    if days.height < _LEAST_DAYS:
        return []
    apart = days["value"] - days["value"].median()
    typical = apart.abs().median()
    if not typical:
        return []
    found: list[date] = days.filter((apart.abs() * _NORMAL / typical) > MOST_Z)["date"].to_list()
    return found


def _weather(curated: Mapping[str, pl.DataFrame], asked: bool) -> list[Check]:
    if not asked:
        return []
    hours = curated["trip_weather"]
    unknown = int(hours["precipitation_mm"].is_null().sum())
    told = f"{unknown:,} of {hours.height:,}"
    return [_soft("curated", "trip_weather", "hours without weather", not unknown, told, "0")]


def _soft(layer: str, table: str, name: str, passed: bool, observed: str, expected: str) -> Check:
    return Check(layer, table, name, False, passed, observed, expected)
