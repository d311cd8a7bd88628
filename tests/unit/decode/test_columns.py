"""From events to what windows read."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from hailstream.decode import BatchDecoder, WriterSchemas
from hailstream.decode.columns import COLUMN_TYPES, WindowColumns
from hailstream.decode.rows import Decoded
from hailstream.windows import METRICS
from tests.unit.decode.messages import ENDED, ENDED_ID, FIRST_TIME, STARTED, STARTED_ID, encode, event

MINUTE = 60_000
TIMES_SQUARE = (40.7580, -73.9855)
STARTS = ("passengers", "driver_id")
ENDS = ("kept", "total_cents", "fare_cents", "tip_cents", "toll_cents")


def decode(events: list[dict[str, Any] | bytes | None], schema: Any, columns: tuple[str, ...]) -> Decoded:
    known = WriterSchemas({STARTED_ID: STARTED, ENDED_ID: ENDED})
    values = [encode(one, schema) if isinstance(one, dict) else one for one in events]
    times = [one["event_time"] if isinstance(one, dict) else 0 for one in events]
    return WindowColumns(BatchDecoder, schema, known, columns)(np.array(values, object), np.array(times))


def started(location: int | None, latitude: float | None, longitude: float | None) -> dict[str, Any]:
    place = {"pickup_location_id": location, "pickup_latitude": latitude, "pickup_longitude": longitude}
    return event(random.Random(1), event_time=FIRST_TIME, **place)


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ((1, None, None), 1),
        ((265, *TIMES_SQUARE), 265),
        ((264, *TIMES_SQUARE), 264),
        ((142, *TIMES_SQUARE), 142),
        ((None, *TIMES_SQUARE), 230),
        ((0, *TIMES_SQUARE), 230),
        ((266, None, None), 264),
        ((-1, None, None), 264),
        ((2**31 - 1, None, None), 264),
        ((None, 0.0, 0.0), 265),
        ((None, 51.5, -0.1), 265),
        ((None, math.nan, -73.9), 265),
        ((None, math.inf, -math.inf), 265),
        ((None, 40.7580, None), 264),
        ((None, None, None), 264),
    ],
    ids=str,
)
def test_the_given_zone_goes_before_the_coordinates_and_no_place_is_264(place: tuple[Any, ...], zone: int) -> None:
    batch = decode([started(*place), started(7, None, None)], STARTED, STARTS)
    assert batch["zone_id"].values.tolist() == [zone, 7]


def test_passengers_outside_1_to_9_are_not_known_but_the_row_stays() -> None:
    counts = [None, 0, 1, 9, 10, -1]
    batch = decode([event(random.Random(1), passenger_count=count) for count in counts], STARTED, STARTS)
    assert batch["passengers"].valid.tolist() == [False, False, True, True, False, False]
    assert batch["passengers"].values.tolist() == [0, 0, 1, 9, 0, 0]
    assert batch.present.all()


def ended(**given: Any) -> dict[str, Any]:
    minutes = given.pop("minutes", 10)
    plain = {
        "event_time": FIRST_TIME,
        "started_at": FIRST_TIME - round(minutes * MINUTE),
        "fare_amount": 12_50,
        "tip_amount": 2_00,
        "tolls_amount": None,
        "total_amount": 15_00,
        "trip_distance_miles": 3.1,
    }
    return event(random.Random(1), ENDED, **plain | given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, 1),
        ({"fare_amount": 0}, 1),
        ({"fare_amount": 500_00}, 1),
        ({"fare_amount": 500_01}, 0),
        ({"fare_amount": -1}, 0),
        ({"fare_amount": None}, 0),
        ({"trip_distance_miles": None}, 1),
        ({"trip_distance_miles": 0.0}, 1),
        ({"trip_distance_miles": 100.0}, 1),
        ({"trip_distance_miles": 100.001}, 0),
        ({"trip_distance_miles": -0.01}, 0),
        ({"trip_distance_miles": math.nan}, 0),
        ({"minutes": 1}, 1),
        ({"minutes": 1 - 1 / MINUTE}, 0),
        ({"minutes": 480}, 1),
        ({"minutes": 480 + 1 / MINUTE}, 0),
        ({"minutes": -5}, 0),
        ({"started_at": -62_135_596_800_000}, 0),
    ],
    ids=str,
)
def test_amounts_of_trips_outside_a_bound_are_0_but_the_total_counts(given: dict[str, Any], kept: int) -> None:
    made = ended(**given)
    batch = decode([made], ENDED, ENDS)
    assert batch["kept"].values.tolist() == [kept]
    assert batch["fare_cents"].values.tolist() == [kept * (made["fare_amount"] or 0)]
    assert batch["tip_cents"].values.tolist() == [kept * 2_00]
    assert batch["toll_cents"].values.tolist() == [0]
    assert batch["total_cents"].values.tolist() == [15_00]


def test_a_refund_takes_from_the_total_and_is_no_kept_trip() -> None:
    batch = decode([ended(fare_amount=-12_50, total_amount=-15_00)], ENDED, ENDS)
    assert (batch["kept"].values.tolist(), batch["total_cents"].values.tolist()) == ([0], [-15_00])


@pytest.mark.parametrize(("schema", "columns"), [(STARTED, STARTS), (ENDED, ENDS)], ids=["started", "ended"])
def test_only_events_have_trips_zones_and_amounts(schema: Any, columns: tuple[str, ...]) -> None:
    made = ended() if schema is ENDED else started(9, None, None)
    for events in ([None, made, b"\x01"], [made], [None], []):
        batch = decode(events, schema, columns)
        assert list(batch.columns) == ["trip_id", "zone_id", *columns]
        assert batch.present.tolist() == [isinstance(one, dict) for one in events]
        for name in ("trip_id", "zone_id", *(ENDS if schema is ENDED else ())):
            assert batch[name].valid.tolist() == batch.present.tolist()


def test_every_column_a_metric_reads_can_be_made() -> None:
    assert {column for metric in METRICS.values() for column in metric.columns} <= COLUMN_TYPES.keys()
