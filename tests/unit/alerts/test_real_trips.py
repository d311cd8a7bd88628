"""On real trips every rule finds what a plain query over the file finds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from hailstream.domain.alerts.alert import RIDE_OPEN_TOO_LONG, Alert
from hailstream.domain.alerts.refunds import Refunds
from hailstream.domain.alerts.rides import OpenRides
from hailstream.domain.alerts.single import alerts
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import ENDED_RANK, STARTED_RANK, Ended, Event, Started
from hailstream.domain.fold import InOrder
from hailstream.replay.events import open_source


def real_events(file: Path | str, work_dir: Path) -> Iterator[Event]:
    """The file's events as a replay sends them; zones are those the file gives, else 264."""
    nan, none = pl.lit(float("nan")), pl.lit(None)
    for frame in open_source(str(file), work_dir=work_dir).batches():
        both = {
            "time": pl.col("event_time").dt.epoch("ms"),
            "rank": pl.when("is_end").then(ENDED_RANK).otherwise(STARTED_RANK),
            **{name: pl.col(name) for name in ("trip_id", "vendor_id", "driver_id", "vehicle_id")},
            "zone_id": pl.col("pickup_location_id").fill_null(264),
            **{"latitude": nan, "longitude": nan, "passengers": none},
        }
        ends = both | {
            "started_at": pl.col("started_at").dt.epoch("ms"),
            **{"end_zone_id": pl.col("dropoff_location_id").fill_null(264), "end_latitude": nan, "end_longitude": nan},
            **{"miles": pl.col("trip_distance_miles"), "rate_code": pl.col("rate_code")},
            **{
                "fare_cents": pl.col("fare_amount"),
                "total_cents": pl.col("total_amount"),
                "tip_cents": pl.col("tip_amount"),
            },
        }
        yield from map(Started._make, frame.filter(~pl.col("is_end")).select(**both).iter_rows())
        yield from map(Ended._make, frame.filter("is_end").select(**ends).iter_rows())


@pytest.fixture(scope="module")
def green(shared_data: Path) -> Path:
    return shared_data / "green_tripdata_2024-01.parquet"


@pytest.fixture(scope="module")
def green_ends(green: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    events = real_events(green, tmp_path_factory.mktemp("green"))
    return [event for event in events if isinstance(event, Ended)]


def test_speeds_of_green_january_2024(green: Path, green_ends: list[Ended]) -> None:
    found = Counter(alert.rule.name for alert in alerts(green_ends, Thresholds()))
    assert found["implausible_speed"] == 214
    [(outside,)] = duckdb.sql(
        f"""SELECT count(*) FROM (
                SELECT trip_distance, epoch(lpep_dropoff_datetime - lpep_pickup_datetime) / 60 AS minutes
                FROM '{green}'
            ) WHERE trip_distance NOT BETWEEN 0 AND 100 OR minutes NOT BETWEEN 1 AND 480"""
    ).fetchall()
    assert found["trip_outside_bounds"] == outside


def test_refunds_of_green_january_2024(green: Path, green_ends: list[Ended]) -> None:
    order: InOrder[Alert] = InOrder(Refunds(Thresholds()))
    order.add(green_ends)
    found = list(order.advance(max(end.time for end in green_ends) + 1))
    assert len(found) == 182
    assert len({alert.trip_id for alert in found}) == len({alert.other_trip_id for alert in found}) == 182
    [(pairs,)] = duckdb.sql(
        f"""SELECT count(*) FROM (
                SELECT VendorID, lpep_pickup_datetime, PULocationID, abs(total_amount) AS amount,
                       least(count(*) FILTER (total_amount < 0), count(*) FILTER (total_amount > 0)) AS pairs
                FROM '{green}' GROUP BY ALL
            ) WHERE pairs > 0"""
    ).fetchall()
    assert pairs == 182


def open_rides_queried(file: Path, hours: int, beyond: timedelta) -> list[str]:
    """Rides that have no end, or one after more than so many hours, when that is known at the watermark."""
    return [
        trip
        for (trip,) in duckdb.sql(
            f"""WITH rides AS (
                    SELECT column00 AS ride, column01 AS kind, column02::TIMESTAMP AS time
                    FROM read_csv('{file}', header = false, all_varchar = true)
                ), known AS (SELECT max(time) + to_seconds({beyond.total_seconds():.0f}) AS until FROM rides)
                SELECT 'ride:' || ride
                FROM (FROM rides WHERE kind = 'START') s LEFT JOIN (FROM rides WHERE kind = 'END') e USING (ride), known
                WHERE s.time + INTERVAL {hours} HOUR < until
                  AND (e.time IS NULL OR e.time > s.time + INTERVAL {hours} HOUR)
                ORDER BY ALL"""
        ).fetchall()
    ]


@pytest.fixture(scope="module")
def rides(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return list(real_events(shared_data / "ride_events_2013-01-01.csv.gz", tmp_path_factory.mktemp("rides")))


def arriving(events: list[Event], delay_ms: int, seed: int) -> Iterator[tuple[list[Event], int]]:
    """Events that overtake each other by up to so much, in parts; with each part the watermark behind it."""
    draw = random.Random(seed)
    late = sorted(events, key=lambda event: event.time + draw.uniform(0, delay_ms))
    watermark = 0
    while late:
        size = draw.randrange(1, 4_000)
        part, late = late[:size], late[size:]
        watermark = max(watermark, *(event.time - delay_ms for event in part))
        yield part, watermark


@pytest.mark.parametrize("delay", [timedelta(), timedelta(minutes=5), timedelta(days=1)], ids=str)
@pytest.mark.parametrize(
    ("hours", "beyond", "count"),
    [
        # 23 rides lasted longer, 9 are open at the end of the file.
        (1, timedelta(), 23 + 9),
        (1, timedelta(seconds=-5), 32),
        # The file is shorter than the limit; an hour behind it the same 9 are open for more than two.
        (2, timedelta(), 0),
        (2, timedelta(hours=1), 9),
        # All 7,100 that have no end in the file, still once each.
        (1, timedelta(hours=5), 23 + 7_100),
        (2, timedelta(hours=5), 7_100),
    ],
    ids=str,
)
def test_open_rides_of_new_year_2013_in_any_order_of_arrival(
    shared_data: Path, rides: list[Event], hours: int, beyond: timedelta, count: int, delay: timedelta
) -> None:
    expected = open_rides_queried(shared_data / "ride_events_2013-01-01.csv.gz", hours, beyond)
    until = max(event.time for event in rides) + round(beyond.total_seconds() * 1000)
    order: InOrder[Alert] = InOrder(OpenRides(Thresholds(open_hours=hours)))
    alerts: list[Alert] = []
    for part, watermark in arriving(rides, round(delay.total_seconds() * 1000), seed=hours):
        order.add(part)
        alerts += order.advance(min(watermark, until))
    alerts += order.advance(until)
    found = [alert for alert in alerts if alert.rule is RIDE_OPEN_TOO_LONG]
    assert sorted(alert.trip_id for alert in found) == expected
    assert [alert.time for alert in found] == sorted(alert.time for alert in found)
    assert len(expected) == count
