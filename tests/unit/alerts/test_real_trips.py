"""On real trips every rule finds what a plain query over the file finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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

HOUR_MS = 3_600_000


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


@pytest.mark.parametrize("hours", [1, 2])
def test_open_rides_of_new_year_2013(shared_data: Path, tmp_path: Path, hours: int) -> None:
    events = list(real_events(shared_data / "ride_events_2013-01-01.csv.gz", tmp_path))
    watermark = max(event.time for event in events) - 5_000
    order: InOrder[Alert] = InOrder(OpenRides(Thresholds(open_hours=hours)))
    order.add(events)
    found = [alert.trip_id for alert in order.advance(watermark) if alert.rule is RIDE_OPEN_TOO_LONG]
    starts = {event.trip_id: event.time for event in events if isinstance(event, Started)}
    ends = {event.trip_id: event.time for event in events if isinstance(event, Ended)}
    limit = hours * HOUR_MS
    expected = {
        trip
        for trip, start in starts.items()
        if start + limit < watermark and ends.get(trip, watermark) > start + limit
    }
    assert set(found) == expected
    assert len(found) == len(expected)
    if hours == 1:
        assert len(expected) > 20, "23 rides lasted longer, 9 are open at the end of the file"
