"""Soft checks: shares of marks, gaps in time, days unlike others, weather that is missing."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from hailstream.curate.counts import RuleCount
from hailstream.quality.result import Check
from hailstream.quality.watch import watch

MONTH = date(2024, 1, 1)


def on(day: int) -> date:
    return MONTH + timedelta(days=day - 1)


def curated(days: dict[int, int], *, rain: float | None = 0.0, silent: int = 0) -> dict[str, pl.DataFrame]:
    """Rows by day of the month, each fare 10 dollars; hours, of which some are silent."""
    daily = pl.DataFrame(
        [
            {
                "month": MONTH,
                "date": MONTH + timedelta(days=day - 1),
                "rows": rows,
                "trips": rows,
                "fare_sum": 10 * rows,
            }
            for day, rows in days.items()
        ]
    )
    hours = pl.DataFrame({"rows": [1] * 10 + [0] * silent, "precipitation_mm": [rain] * (10 + silent)})
    return {"daily_summary": daily, "trip_weather": hours.cast({"precipitation_mm": pl.Float64})}


def failed(tables: dict[str, pl.DataFrame], rules: list[RuleCount] | None = None, weather: bool = False) -> list[Check]:
    checks = watch([MONTH], rules or [], tables, weather=weather)
    assert not any(check.hard for check in checks)
    return [check for check in checks if not check.passed]


STEADY = {day: 1000 + 10 * (day % 5) for day in range(1, 32)}


def test_a_steady_month_has_nothing_to_be_looked_at() -> None:
    assert failed(curated(STEADY), weather=True) == []


def test_missing_days_and_silent_hours_are_told() -> None:
    gaps = {day: rows for day, rows in STEADY.items() if day not in (10, 11)}
    found = {check.name: check.observed for check in failed(curated(gaps, silent=3))}
    assert found == {
        "days without trips between others": "2 of 1 months",
        "hours without trips between others": "3 of 1 months",
    }


def test_a_day_unlike_others_of_its_kind_is_named() -> None:
    [check] = failed(curated(STEADY | {17: 100}))
    assert (check.name, check.observed) == ("rows of a day, by kind of day", "1 days: 2024-01-17")


def test_weekends_are_held_against_weekends() -> None:
    quiet = {day: rows // 2 if on(day).weekday() > 4 else rows for day, rows in STEADY.items()}
    assert failed(curated(quiet)) == []


def test_few_days_say_nothing() -> None:
    assert failed(curated({1: 5, 2: 500, 3: 5})) == []


def test_many_marks_are_told() -> None:
    rules = [RuleCount(MONTH, "refund", 94, 6, 0), RuleCount(MONTH, "fare_outside", 95, 5, 0)]
    [check] = failed(curated(STEADY), rules)
    assert (check.name, check.observed, check.expected) == ("marked refund", "6.00%", "at most 5%")


def test_hours_without_weather_are_told_where_there_should_be_some() -> None:
    assert failed(curated(STEADY, rain=None)) == []
    [check] = failed(curated(STEADY, rain=None), weather=True)
    assert (check.name, check.observed) == ("hours without weather", "10 of 10")
