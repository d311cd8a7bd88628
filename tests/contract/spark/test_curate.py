"""Curated tables say what the archive says: each row once, to the cent, on the right day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl
import pytest

from hailstream.archive.months import Month, Part, beside, publish
from hailstream.archive.store import open_store
from hailstream.curate.run import Curated
from hailstream.forecast.source import Source
from hailstream.forecast.table import read_history
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED
from hailstream.weather.hourly import SCHEMA, Weather
from tests.archived import archive_ends, archive_records
from tests.contract.spark.curating import curate, end, ends, files, rows_of
from tests.stack import Servers

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Each test looks at a month of its own.
DIRTY, DRIVERS, MARCH, FEATURES, NOVEMBER = (date(2024, month, 1) for month in (1, 2, 3, 5, 11))
FIRST = datetime(2024, 5, 2, 5, tzinfo=UTC)


def dirty() -> list[dict[str, Any]]:
    at = "2024-01-10 09:00"
    unplaced: dict[str, Any] = {"pickup_location_id": None}
    return [
        end("plain", "2024-01-10 08:10"),
        end("plain", "2024-01-10 08:10", fare_cents=900, total_cents=1100),  # told again, later: it counts
        end("far", at, trip_distance_miles=100.5),
        end("dear", at, fare_cents=50_001, total_cents=50_001),
        end("crowded", at, passenger_count=0),
        end("refund", at, fare_cents=-1000, tip_cents=0, total_cents=-1000),
        end("strange", at, pickup_location_id=999),
        end("nowhere", at, trip_distance_miles=float("nan"), **unplaced),
        end("by place", at, pickup_latitude=40.6413, pickup_longitude=-73.7781, **unplaced),
        end("wrong clock", at, minutes=60 * 24 * 12),
        end("unpaid", at, payment_type=None, fare_cents=None, tip_cents=None, total_cents=None),
        end("torn", at, kind="rejected"),
        end("beat", at, kind="heartbeat"),
    ]


def drivers() -> list[dict[str, Any]]:
    trips = [
        ("busy", "08:00", "1", 3000),
        ("busy", "08:30", "1", 3000),
        ("idle", "08:00", "1", 3000),
        ("idle", "10:30", "2", 3000),
        ("idle", "17:31", "2", 3000),  # more than six hours after the last end: another shift
        (None, "12:00", "2", 6000),
    ]
    return [
        end(f"shift {n}", f"2024-02-10 {at}", 30, driver_id=driver, vendor_id=vendor, fare_cents=fare, tip_cents=0)
        for n, (driver, at, vendor, fare) in enumerate(trips)
    ]


def nights() -> list[dict[str, Any]]:
    begins = [datetime(2024, 11, 3, hour, 30, tzinfo=UTC) for hour in (4, 5, 6, 7)]  # 0:30, 1:30, 1:30 again, 2:30
    begins += [datetime(2024, 3, 10, hour, 30, tzinfo=UTC) for hour in (6, 7)]  # 1:30, 3:30
    return [end(f"night {number}", moment) for number, moment in enumerate(begins)]


def repeated() -> list[dict[str, Any]]:
    begins = [FIRST + timedelta(hours=hour, minutes=20 * place) for hour in (0, 1, 24, 170) for place in range(3)]
    begins += [FIRST + timedelta(hours=hour) for hour in (168, 300)]
    rows = [end(f"again {number}", begin, 5) for number, begin in enumerate(begins)]
    # So that every day has a record.
    return rows + [end("", FIRST + timedelta(hours=12 + 24 * day), kind="heartbeat") for day in range(13)]


@pytest.fixture(scope="module")
def city(servers: Servers, spark: SparkContext, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Curated]:
    folder = tmp_path_factory.mktemp("curate")
    settings = servers("clickhouse").model_copy(
        update={
            "namespace": f"t{uuid4().hex[:10]}",
            "archive": (folder / "archive").as_uri(),
            "curated": (folder / "curated").as_uri(),
        }
    )
    archive_records(settings, ends([*dirty(), *drivers(), *nights(), *repeated()]))
    known = {"hour": int(FIRST.timestamp()) // 3600 + 24, "temperature_c": 3.5, "precipitation_mm": 1.2, "snow": False}
    weather = Weather(pl.DataFrame([dict.fromkeys(SCHEMA) | known], schema=SCHEMA))
    return settings, curate(spark, settings, weather)


def test_what_is_dirty_is_marked_and_what_is_no_row_is_counted(city: tuple[Settings, Curated]) -> None:
    settings, done = city
    marked = {rule.rule: (rule.kept, rule.marked) for rule in done.rules if rule.month == DIRTY and rule.marked}
    assert marked == {
        "distance_outside": (8, 2),
        "fare_outside": (8, 2),
        "passengers_outside": (9, 1),
        "duration_outside": (9, 1),
        "times_apart": (9, 1),
        "zone_invalid": (9, 1),
        "zone_unknown": (8, 2),
        "fare_unknown": (9, 1),
        "refund": (9, 1),
    }
    dropped = {rule: counts[2] for rule, counts in done.rule_sums().items() if counts[2]}
    assert dropped == {"duplicate": 1, "rejected": 1, "heartbeat": 14}
    query = (
        "SELECT rule, toInt64(sum(marked)) AS marked, toInt64(sum(dropped)) AS dropped FROM curate_rules GROUP BY rule"
    )
    assert {row["rule"]: (row["marked"], row["dropped"]) for row in rows_of(settings, query)} == {
        rule: counts[1:] for rule, counts in done.rule_sums().items()
    }


def test_staging_has_each_trip_once_clean_and_typed(city: tuple[Settings, Curated]) -> None:
    settings, _ = city
    staged = {row["trip_id"]: row for row in files(settings, "staging").iter_rows(named=True)}
    plain, wrong = staged["plain"], staged["wrong clock"]
    assert sum(row["month"] == DIRTY for row in staged.values()) == 10
    assert (plain["fare_cents"], plain["marks"], plain["within_bounds"]) == (900, "", True)
    assert (plain["date"], plain["hour_local"], plain["time_of_day"]) == (date(2024, 1, 10), 8, "morning")
    assert [staged[name]["zone_id"] for name in ("strange", "nowhere", "by place")] == [264, 264, 132]
    assert (staged["nowhere"]["miles"], staged["crowded"]["passengers"]) == (None, None)
    # The archive has it on the day of its end.
    assert (wrong["date"], wrong["marks"]) == (date(2024, 1, 22), "duration_outside,times_apart")


def test_sums_are_of_all_rows_and_of_those_within_the_bounds(city: tuple[Settings, Curated]) -> None:
    settings, _ = city
    columns = "sum(rows) AS rows, sum(total_sum) AS total, sum(trips) AS trips, sum(revenue_sum) AS revenue"
    for table in ("payment_analysis", "daily_summary", "distance_analysis", "location_analysis", "trip_weather"):
        [sums] = rows_of(settings, f"SELECT {columns} FROM {table} WHERE month = '{DIRTY}'")
        # 11 + 12 + 500.01 + 12 - 10 + 12 + 12 + 12 + 12; without the far, the dear, the refund, NaN, the wrong clock.
        assert sums == {"rows": 10, "total": Decimal("573.01"), "trips": 4, "revenue": Decimal("47.00")}, table
    [unpaid] = rows_of(settings, "SELECT rows, total_sum, avg_fare FROM payment_analysis WHERE payment_type IS NULL")
    assert unpaid == {"rows": 1, "total_sum": Decimal("0.00"), "avg_fare": None}
    bands = rows_of(settings, f"SELECT band, rows FROM distance_analysis WHERE month = '{DIRTY}' AND rows < 3")
    assert {(row["band"], row["rows"]) for row in bands} == {("outside", 1), ("unknown", 1), ("2-3", 1)}


def test_the_nights_of_the_clocks_have_their_hours(city: tuple[Settings, Curated]) -> None:
    settings, _ = city
    mine = f"month IN ('{MARCH}', '{NOVEMBER}')"
    days = rows_of(settings, f"SELECT date, rows, hours, peak_hour FROM daily_summary WHERE {mine} ORDER BY date")
    assert [tuple(day.values()) for day in days] == [(date(2024, 3, 10), 2, 23, 1), (date(2024, 11, 3), 4, 25, 1)]
    query = f"SELECT month, hour_local, hours, rows FROM hourly_patterns WHERE rows > 0 AND {mine} ORDER BY ALL"
    assert [tuple(row.values()) for row in rows_of(settings, query)] == [
        (MARCH, 1, 1, 1),
        (MARCH, 3, 1, 1),
        (NOVEMBER, 0, 1, 1),
        (NOVEMBER, 1, 2, 2),
        (NOVEMBER, 2, 1, 1),
    ]
    query = f"SELECT toHour(hour_start), toString(hour_start_local) FROM trip_weather WHERE hour_local = 1 AND {mine}"
    local = sorted((hour, text[:16]) for hour, text in (row.values() for row in rows_of(settings, query)))
    assert local == [(5, "2024-11-03 01:00"), (6, "2024-03-10 01:00"), (6, "2024-11-03 01:00")]


def test_drivers_vendors_and_zones_are_held_against_all_others(city: tuple[Settings, Curated]) -> None:
    settings, _ = city
    columns = "shifts, shift_seconds, utilisation, hourly, score"
    found = rows_of(settings, f"SELECT driver_id, {columns} FROM driver_performance ORDER BY driver_id")
    # Of 150 dollars in 270 minutes an hour has 33.33.
    assert [tuple(row.values()) for row in found] == [
        ("busy", 1, 3600, 1.0, Decimal("60.00"), 180.0),
        ("idle", 2, 12_600, 0.4286, Decimal("25.71"), 77.1),
    ]
    query = f"SELECT vendor_id, rows, hourly, score FROM vendor_performance WHERE month = '{DRIVERS}' ORDER BY ALL"
    # 210 dollars in three hours with a passenger.
    assert [tuple(row.values()) for row in rows_of(settings, query)] == [
        ("1", 3, Decimal("60.00"), 85.7),
        ("2", 3, Decimal("80.00"), 114.3),
    ]
    columns = "zone, borough, rows, active_hours, peak_hour, share_percent, score"
    [zone] = rows_of(settings, f"SELECT {columns} FROM zone_performance WHERE zone_id = 74 AND month = '{DRIVERS}'")
    assert tuple(zone.values()) == ("East Harlem North", "Manhattan", 6, 4, 8, 100.0, 100.0)


def test_features_look_back_by_hours_and_know_what_they_do_not_know(city: tuple[Settings, Curated]) -> None:
    settings, _ = city
    found = rows_of(settings, f"SELECT * FROM demand_features WHERE zone_id = 74 AND month = '{FEATURES}'")
    hour = {round((row["hour_start"].replace(tzinfo=UTC) - FIRST) / timedelta(hours=1)): row for row in found}
    # Rows go on for a day after a trip.
    assert sorted(hour) == [*range(49), *range(168, 195), *range(300, 325)]
    day = hour[24]
    assert (day["trips"], day["quarter_trips"], day["lag_1"], day["lag_24"], day["mean_24"]) == (
        3,
        [1, 1, 1, 0],
        0,
        3,
        0.25,
    )
    assert (day["temperature_c"], day["precipitation_mm"], day["snow"], day["wind_kmh"]) == (3.5, 1.2, False, None)
    assert (day["holiday"], day["weekday"], day["hour_local"]) == (False, 5, 1)
    # Before the first day nothing is archived.
    assert (hour[1]["lag_1"], hour[1]["lag_24"], hour[1]["temperature_c"]) == (3, None, None)
    assert (hour[168]["lag_168"], hour[168]["mean_168"]) == (3, round(9 / 168, 4))
    late = hour[171]
    assert (late["lag_1"], late["lag_3"], late["lag_168"], late["mean_3"]) == (3, 1, 0, round(4 / 3, 4))


def test_forecasts_learn_from_the_features(city: tuple[Settings, Curated]) -> None:
    settings, done = city
    history = read_history(settings, 104, Source.DEMAND_FEATURES)
    assert history.counts.sum() == done.trips == 36
    first = int(FIRST.timestamp()) // 900 - history.first
    assert history.counts[history.zones.index(74), first : first + 8].tolist() == [1, 1, 1, 0] * 2
    lately = read_history(settings, 1, Source.DEMAND_FEATURES)
    assert (lately.counts.sum(), lately.first) == (4, int(datetime(2024, 11, 3, 4, 30, tzinfo=UTC).timestamp()) // 900)


def test_every_check_passed_and_is_in_the_table(city: tuple[Settings, Curated]) -> None:
    settings, done = city
    assert [check for check in done.checks if check.hard and not check.passed] == []
    [counted] = rows_of(settings, "SELECT count() AS checks, countIf(NOT passed) AS failed FROM quality_results")
    assert counted == {"checks": len(done.checks), "failed": sum(not check.passed for check in done.checks)}


def test_a_trip_of_the_log_that_a_monthly_file_has_too_counts_once(
    spark: SparkContext, servers: Servers, tmp_path: Path
) -> None:
    folders = {name: (tmp_path / name).as_uri() for name in ("archive", "curated")}
    settings = servers("clickhouse").model_copy(update=folders | {"namespace": f"t{uuid4().hex[:10]}"})
    trips = [end(f"trip {number}", f"2024-01-{number + 1:02} 08:00", total_cents=1000 + number) for number in range(9)]
    logged = archive_records(settings, ends(trips[:6]))
    # The file tells the same trips, which have no place in a log there, one of them with another total, and more.
    filed = [*trips[1:5], trips[5] | {"total_cents": 5}, *trips[6:], trips[8]]
    rows = archive_records(settings.model_copy(update={"archive": (tmp_path / "file").as_uri()}), ends(filed))
    months = beside(open_store(TRIPS_ENDED, settings))
    path = Path(months.path("yellow-2024-01/v1/part-1"))
    path.parent.mkdir(parents=True)
    nowhere = (pl.lit(None, pl.Int32).alias("kafka_partition"), pl.lit(None, pl.Int64).alias("kafka_offset"))
    rows.with_columns(nowhere).drop("event_date", "event_hour").write_parquet(path, row_group_size=3)
    times = rows["record_time"].dt.epoch("ms").sort()
    days = tuple(sorted(set((times // 86_400_000 * 86_400_000).to_list())))
    part = Part("v1/part-1", rows.height, times[0], times[-1])
    ended = TRIPS_ENDED.base
    publish(months, Month("yellow-2024-01", "v1", "file", "sha", rows.height, {}, {ended: (part,)}, {ended: days}))

    done = curate(spark, settings)
    assert (done.raw_rows, done.trips, done.rule_sums()["duplicate"]) == (logged.height + 9, 9, (9, 0, 6))
    staged = {row["trip_id"]: row["total_cents"] for row in files(settings, "staging").iter_rows(named=True)}
    # What is in the log stands after what is in no log.
    assert staged == {f"trip {number}": 1000 + number for number in range(9)}
    assert all(check.passed for check in done.checks if check.hard)


def test_the_facts_of_36_months_come_out_to_the_cent(
    spark: SparkContext, servers: Servers, shared_data: Path, tmp_path: Path
) -> None:
    folders = {name: (tmp_path / name).as_uri() for name in ("archive", "curated")}
    settings = servers("clickhouse").model_copy(update=folders | {"namespace": f"t{uuid4().hex[:10]}"})
    archive_ends(settings, [shared_data / "yellow_sample_2018-01_2020-12.parquet"], tmp_path / "work")
    # Ten thousand trips of a month are so few that nearly each makes a day of features by itself.
    done = curate(spark, settings, features=False)
    query = "SELECT payment_type, sum(rows), sum(total_sum) FROM payment_analysis GROUP BY ALL ORDER BY ALL"
    assert [tuple(row.values()) for row in rows_of(settings, query)] == [
        (1, 247_545, Decimal("4653579.54")),
        (2, 101_166, Decimal("1473962.29")),
        (3, 2173, Decimal("454962.03")),
        (4, 872, Decimal("1953.38")),
        (None, 8244, Decimal("271647.52")),
    ]
    rules = done.rule_sums()
    assert {rule: rules[rule][1] for rule in ("refund", "zone_unknown")} == {"refund": 832, "zone_unknown": 5743}
