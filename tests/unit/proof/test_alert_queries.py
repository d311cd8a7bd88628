"""The rules and the queries that stand beside them say the same of a city that does everything wrong."""

from __future__ import annotations

from collections import defaultdict

import duckdb
import polars as pl
import pytest

from hailstream.domain.alerts.single import alerts
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Ended
from hailstream.domain.fold import InOrder
from hailstream.folds.groups import SINGLE, wanted_groups
from hailstream.proof.alert_queries import prepare, queries
from hailstream.replay.events import open_source
from tests.unit.alerts.test_real_trips import real_events

SPEC = "sim:?seed=3&minutes=240&rate=30&drivers=600&faults=speed:0.02,fraud:0.05,bounds:0.02&coordinates=0&disorder=0"
DISORDER_MS = 5_000
LIMITS = Thresholds(open_hours=1, velocity_trips=2)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[duckdb.DuckDBPyConnection, list[object]]:
    work_dir = tmp_path_factory.mktemp("city")
    frames = pl.concat(open_source(SPEC, work_dir=work_dir).batches())
    log = frames.select(
        "is_end",
        "trip_id",
        *("vendor_id", "driver_id", "vehicle_id", "rate_code"),
        partition=pl.lit(0),
        offset=pl.int_range(pl.len()),
        record_time=pl.col("event_time").dt.epoch("ms"),
        readable=pl.lit(True),
        event_time=pl.col("event_time").dt.epoch("ms"),
        started_at=pl.col("started_at").dt.epoch("ms"),
        zone_id=pl.col("pickup_location_id").fill_null(264),
        end_zone_id=pl.col("dropoff_location_id").fill_null(264),
        **{name: pl.lit(None, pl.Float64) for name in ("latitude", "longitude", "end_latitude", "end_longitude")},
        distance=pl.col("trip_distance_miles"),
        fare=pl.col("fare_amount"),
        total=pl.col("total_amount"),
    )
    connection = duckdb.connect()
    for table, ends in (("started_log", False), ("ended_log", True)):
        connection.register("rows", log.filter(pl.col("is_end") == ends).to_arrow())
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM rows")
    prepare(connection, disorder_ms=DISORDER_MS, horizon_ms=None)
    return connection, list(real_events(SPEC, work_dir))


def test_each_rule_finds_what_its_query_finds(city: tuple[duckdb.DuckDBPyConnection, list[object]]) -> None:
    connection, events = city
    [(watermark,)] = connection.execute("SELECT watermark FROM passed").fetchall()
    found = defaultdict(set)
    for alert in alerts([event for event in events if isinstance(event, Ended)], LIMITS):
        found[alert.rule.name].add((alert.trip_id, alert.other_trip_id))
    for group in wanted_groups({"alerts"}, 1).values():
        if group.name == SINGLE:
            continue
        order = InOrder(group.make(LIMITS))
        order.add(events)  # type: ignore[arg-type]
        for alert in order.advance(watermark):
            found[alert.rule.name].add((alert.trip_id, alert.other_trip_id))
    for rule, query in queries(LIMITS).items():
        expected = set(connection.execute(query).fetchall())
        assert found[rule] == expected, rule
        assert expected, f"{rule}: the city does not break it"
