"""From ends to the messages of trips, as any reader of Avro has them."""

from __future__ import annotations

import io
import json
import math
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastavro
import numpy as np
import pytest

from hailstream.decode import BatchDecoder, WriterSchemas
from hailstream.decode.columns import WindowColumns
from hailstream.decode.packer import Batch
from hailstream.decode.trips import TRIP_KEY, TRIP_MESSAGE, TripMessages, pseudonym
from hailstream.schemas import load_schema, unframe
from hailstream.topics import TRIPS
from tests.unit.decode.messages import ENDED, ENDED_ID, FIRST_TIME, encode, event

SCHEMA = fastavro.parse_schema(load_schema(TRIPS).definition)
MINUTE = 60_000


def ended(**given: Any) -> dict[str, Any]:
    """A trip from Harlem to Times Square of ten minutes."""
    plain = {"trip_id": "t", "started_at": FIRST_TIME, "event_time": FIRST_TIME + 10 * MINUTE, "vendor_id": "2"}
    places = {"pickup_location_id": 41, "dropoff_location_id": 230}
    paid = {"fare_amount": 10_00, "tip_amount": 2_50, "tolls_amount": 0, "total_amount": 12_50}
    more = {"driver_id": "d", "vehicle_id": None, "passenger_count": 0, "payment_type": 1, "rate_code": None}
    return event(random.Random(1), ENDED, **(plain | places | paid | more | {"trip_distance_miles": 2.5} | given))


def batch_of(records: list[dict[str, Any] | bytes | None], future: list[bool] | None = None) -> Batch:
    known = WriterSchemas({ENDED_ID: ENDED})
    rows = np.array([encode(one, ENDED) if isinstance(one, dict) else one for one in records], object)
    times = np.array([one["event_time"] if isinstance(one, dict) else FIRST_TIME for one in records])
    decoded = WindowColumns(BatchDecoder, ENDED, known, (), TripMessages.fields)(rows, times)
    return Batch(decoded, times, np.zeros(len(rows), int), np.array(future or [False] * len(rows)))


def trips(*events: dict[str, Any], secret: str | None = None) -> list[dict[str, Any]]:
    packed = TripMessages(7, secret).pack(batch_of(list(events)))
    return [read(message) for message in packed[TRIP_MESSAGE]]


def read(message: bytes) -> dict[str, Any]:
    schema_id, body = unframe(message)
    assert schema_id == 7
    row = fastavro.schemaless_reader(io.BytesIO(body), SCHEMA, None)
    assert isinstance(row, dict)
    return row


def test_a_trip_says_what_its_end_says_and_what_follows_from_it() -> None:
    (trip,) = trips(ended())
    start = datetime.fromtimestamp(FIRST_TIME / 1000, UTC)
    assert trip == {
        "trip_id": "t",
        "started_at": start,
        "ended_at": datetime.fromtimestamp(FIRST_TIME / 1000 + 600, UTC),
        "zone_id": 41,
        "end_zone_id": 230,
        "route": "41-230",
        "vendor_id": "2",
        "driver_id": "d",
        "vehicle_id": None,
        "passengers": None,
        "miles": 2.5,
        "seconds": 600.0,
        "mph": 15.0,
        "payment_type": 1,
        "rate_code": None,
        "fare": Decimal("10.00"),
        "tip": Decimal("2.50"),
        "tolls": Decimal("0.00"),
        "total": Decimal("12.50"),
        "tip_rate": 0.25,
        "completeness": round(9 / 12, 3),
        "within_bounds": 1,
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"trip_distance_miles": None}, {"miles": None, "mph": None}),
        ({"trip_distance_miles": math.nan}, {"miles": None, "mph": None}),
        ({"event_time": FIRST_TIME}, {"seconds": 0.0, "mph": None}),
        ({"event_time": FIRST_TIME - MINUTE}, {"seconds": -60.0, "mph": None, "within_bounds": 0}),
        ({"fare_amount": 0}, {"fare": Decimal("0.00"), "tip_rate": None}),
        ({"fare_amount": None}, {"fare": None, "tip_rate": None, "within_bounds": 0}),
        ({"total_amount": -9_999_999_999}, {"total": Decimal("-99999999.99")}),
        ({"driver_id": None}, {"driver_id": None}),
        ({"dropoff_location_id": 0, "dropoff_latitude": None}, {"end_zone_id": 264, "route": "41-264"}),
    ],
    ids=str,
)
def test_what_is_not_known_is_null(given: dict[str, Any], expected: dict[str, Any]) -> None:
    (trip, usual) = trips(ended(**given), ended())
    assert {name: trip[name] for name in expected} == expected
    assert usual["mph"] == 15.0


def test_drivers_are_hashed_with_a_secret() -> None:
    (trip, nobody) = trips(ended(), ended(driver_id=None), secret="s")  # noqa: S106
    assert (trip["driver_id"], nobody["driver_id"]) == (pseudonym("d", "s"), None)


def test_records_that_are_no_events_have_no_trip() -> None:
    values = [ended(), b"torn", None, ended()]
    packed = TripMessages(7, None).pack(batch_of(values, future=[False, False, False, True]))
    assert [message is not None for message in packed[TRIP_MESSAGE]] == [True, False, False, False]
    assert [key is not None for key in packed[TRIP_KEY]] == [True, False, False, False]


@pytest.mark.parametrize("trip_id", ["t", 'a "b" \\ c', "Zürich\n\x01", "\N{TAXI}"])
def test_the_key_is_json(trip_id: str) -> None:
    packed = TripMessages(7, None).pack(batch_of([ended(trip_id=trip_id)]))
    assert json.loads(packed[TRIP_KEY][0]) == {"trip_id": trip_id}
