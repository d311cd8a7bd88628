"""Lifts compare hours with hours of the same time of day and kind of day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from hailstream.weather.lifts import weather_lifts


def hour(
    hour_local: int,
    rows: int,
    rain: float | None = 0.0,
    *,
    fare: int = 10,
    snow: bool = False,
    temperature: float = 10.0,
) -> dict[str, Any]:
    return {
        "month": date(2024, 1, 1),
        "weekend": False,
        "hour_local": hour_local,
        "rows": rows,
        "trips": rows,
        "fare_sum": Decimal(fare * rows),
        "tip_sum": Decimal(rows),
        "temperature_c": temperature,
        "precipitation_mm": rain,
        "snow": snow,
    }


def lifts(*rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    frame = pl.DataFrame(list(rows)).cast({"fare_sum": pl.Decimal(18, 2), "tip_sum": pl.Decimal(18, 2)})
    return {row["condition"]: row for row in weather_lifts(frame).iter_rows(named=True)}


def test_rain_in_the_night_is_not_compared_with_a_dry_afternoon() -> None:
    dry = [hour(3, 10), hour(3, 20), hour(15, 1000)]
    found = lifts(*dry, hour(3, 30, rain=1.0, fare=11))["rain"]
    assert (found["hours"], found["trips"], found["expected_trips"]) == (1, 30, 15.0)
    assert (found["demand_lift"], found["fare_lift"], found["tip_lift"]) == (1.0, 0.1, 0.0)


def test_each_condition_has_a_row_and_hours_without_weather_are_in_none() -> None:
    found = lifts(
        hour(8, 10),
        hour(8, 12, rain=2.0),
        hour(8, 5, rain=2.0, snow=True, temperature=-1),
        hour(8, 8, temperature=-5),
        hour(8, 9, temperature=31),
        hour(8, 99, rain=None),
    )
    assert {name: row["demand_lift"] for name, row in found.items()} == {
        "rain": 0.2,
        "snow": -0.5,
        "cold": -0.2,
        "hot": -0.1,
    }


def test_without_dry_hours_to_compare_with_there_is_no_lift() -> None:
    assert lifts(hour(8, 10, rain=1.0), hour(9, 10)) == {}
    assert weather_lifts(pl.DataFrame([hour(8, 1)]).clear()).is_empty()


def test_hours_without_trips_count_for_demand_and_have_no_fare() -> None:
    found = lifts(hour(8, 0), hour(8, 0, rain=1.0))["rain"]
    assert (found["demand_lift"], found["fare_lift"]) == (None, None)
