"""A source's batches as events: the zones that the jobs would give, and what is not known."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import polars as pl

from hailstream.domain.events import ENDED_RANK, STARTED_RANK, Ended, Started
from hailstream.evaluate.events import placed, to_events
from hailstream.replay.events import EVENT_SCHEMA

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
TIMES_SQUARE = {"latitude": 40.7580, "longitude": -73.9855}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    usual = dict.fromkeys(EVENT_SCHEMA) | {"is_end": False, "trip_id": "t", "event_time": NOON}
    return pl.DataFrame([usual | row for row in rows], schema=EVENT_SCHEMA)


def place(kind: str, latitude: float, longitude: float) -> dict[str, float]:
    return {f"{kind}_latitude": latitude, f"{kind}_longitude": longitude}


def test_a_zone_is_the_given_one_else_that_of_the_place_else_unknown() -> None:
    rows = placed(
        frame(
            {"pickup_location_id": 41, **place("pickup", **TIMES_SQUARE)},
            {"pickup_location_id": 300, **place("pickup", **TIMES_SQUARE)},
            place("pickup", **TIMES_SQUARE) | place("dropoff", 40.7580, math.nan),
            place("dropoff", **TIMES_SQUARE),
        )
    )
    assert rows["zone_id"].to_list() == [41, 230, 230, 264]
    assert rows["end_zone_id"].to_list() == [264, 264, 264, 230]


def test_what_cannot_be_read_is_no_event() -> None:
    rows = placed(frame({"raw": b"x"}, {"trip_id": "good"}, {"raw": b"", "is_end": True}))
    assert [event.trip_id for event in to_events(rows)] == ["good"]


def test_each_field_is_the_columns() -> None:
    end = {
        "is_end": True,
        "trip_id": "e",
        "vendor_id": "2",
        "driver_id": "d",
        "vehicle_id": "v",
        "pickup_location_id": 41,
        "dropoff_location_id": 230,
        "passenger_count": 3,
        "started_at": datetime(2024, 3, 1, 11, 45, tzinfo=UTC),
        "trip_distance_miles": 2.5,
        "rate_code": 1,
        "fare_amount": 1210,
        "total_amount": 1800,
        "tip_amount": 200,
    }
    [start, ended] = to_events(placed(frame(end, {"trip_id": "s", **place("pickup", **TIMES_SQUARE)})))
    noon = int(NOON.timestamp() * 1000)
    assert isinstance(start, Started)
    assert start[:7] == (noon, STARTED_RANK, "s", None, None, None, 230)
    assert (start.latitude, start.longitude, start.passengers) == (40.7580, -73.9855, None)
    assert isinstance(ended, Ended)
    assert ended[:7] == (noon, ENDED_RANK, "e", "2", "d", "v", 41)
    assert (ended.started_at, ended.end_zone_id, ended.passengers) == (noon - 900_000, 230, 3)
    assert math.isnan(ended.latitude)
    assert math.isnan(ended.end_longitude)
    assert (ended.miles, ended.rate_code, ended.fare_cents, ended.total_cents, ended.tip_cents) == (
        2.5,
        1,
        1210,
        1800,
        200,
    )
