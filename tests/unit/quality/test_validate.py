"""A schema's checks: those that fail are found by name and counted, the others are listed as passed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from hailstream.curate.catalog import NAMES
from hailstream.curate.staging_sql import STAGING_COLUMNS
from hailstream.quality.rules import curated_schema, staging_schema
from hailstream.quality.validate import as_checks, asked_by, failures

MONTH = date(2024, 1, 1)


def way(**given: Any) -> dict[str, Any]:
    money = dict.fromkeys(("total_sum", "revenue_sum", "fare_sum", "tip_sum", "toll_sum"), Decimal("5.00"))
    return {
        "month": MONTH,
        "zone_id": 74,
        "end_zone_id": 75,
        "rows": 2,
        **money,
        "trips": 1,
        "miles_sum": Decimal("1.500"),
        "seconds_sum": 60,
        "passengers": 1,
        "known_passengers": 1,
    } | given


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    types = {"zone_id": pl.Int32, "end_zone_id": pl.Int32, "miles_sum": pl.Decimal(18, 3)}
    money = dict.fromkeys(("total_sum", "revenue_sum", "fare_sum", "tip_sum", "toll_sum"), pl.Decimal(18, 2))
    return pl.DataFrame(list(rows), schema_overrides={**types, **money})


def failed(*rows: dict[str, Any]) -> Counter[tuple[str, str]]:
    return failures(curated_schema("location_analysis"), frame(*rows))


def test_what_is_right_fails_nothing() -> None:
    assert failed(way(), way(end_zone_id=76)) == {}


@pytest.mark.parametrize(
    ("given", "column", "asked"),
    [
        ({"zone_id": 999}, "zone_id", "a zone that exists"),
        ({"zone_id": None}, "zone_id", "not null"),
        ({"trips": 3}, "", "no more trips than rows"),
        ({"trips": 0}, "", "no sums without trips"),
        ({"rows": -1, "trips": -1}, "rows", "at least 0"),
    ],
)
def test_a_row_that_is_wrong_is_counted_by_what_it_fails(given: dict[str, Any], column: str, asked: str) -> None:
    assert failed(way(end_zone_id=76), way(**given))[column, asked] == 1


def test_a_key_that_is_there_twice_fails() -> None:
    assert failed(way(), way())["", "once: month, zone_id, end_zone_id"] == 2


def test_columns_and_their_types_are_asked_for() -> None:
    schema = curated_schema("location_analysis")
    assert failures(schema, frame(way()).drop("tip_sum"))["", "its columns and no others"] == 1
    assert failures(schema, frame(way()).with_columns(more=1))["", "its columns and no others"] == 1
    text = frame(way()).with_columns(pl.col("rows").cast(pl.String))
    assert failures(schema, text)["rows", "type Int64"] == 1


def test_every_failure_is_of_a_check_that_is_listed() -> None:
    schema = curated_schema("location_analysis")
    broken = frame(way(zone_id=999, trips=9), way(zone_id=None), way(), way()).with_columns(more=1)
    found = failures(schema, broken.with_columns(pl.col("seconds_sum").cast(pl.Float64)))
    assert len(found) >= 5
    assert set(found) <= set(asked_by(schema))
    checks = as_checks(schema, "curated", "location_analysis", found)
    assert [check.passed for check in checks].count(False) == len(found)
    assert len(checks) == len(asked_by(schema)) == len({check.name for check in checks})


def test_each_table_has_a_schema_and_staging_has_all_its_columns() -> None:
    assert all(len(asked_by(curated_schema(name))) > 10 for name in NAMES)
    assert set(staging_schema().columns) == set(STAGING_COLUMNS)


def test_a_row_of_staging_that_is_out_of_bounds_must_be_marked() -> None:
    moment = datetime(2024, 1, 10, 14, tzinfo=UTC)
    plain: dict[str, Any] = dict.fromkeys(STAGING_COLUMNS) | {
        "trip_id": "a",
        "hour": 1,
        "hour_local": 9,
        "quarter": 0,
        "started_at": moment,
        "ended_at": moment,
        "seconds": 0,
        "zone_id": 74,
        "end_zone_id": 75,
        "source": "test",
        "within_bounds": False,
        "marks": "",
        "month": MONTH,
        "date": date(2024, 1, 10),
        "time_of_day": "morning",
    }
    types = {name: column.dtype.type for name, column in staging_schema().columns.items()}

    def staged(**given: Any) -> Counter[tuple[str, str]]:
        return failures(staging_schema(), pl.DataFrame([plain | given], schema=types))

    assert staged() == {("", "within the bounds or marked"): 1}
    assert staged(marks="duration_outside") == {}
    assert staged(within_bounds=True, date=date(2024, 2, 1)) == {("", "a date of its month"): 1}
