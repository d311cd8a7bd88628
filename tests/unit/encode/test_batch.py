"""The vectorised bytes are fastavro's bytes."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.encode.batch import BatchEncoder
from hailstream.errors import HailstreamError
from hailstream.replay.events import EVENT_SCHEMA
from hailstream.schemas import AvroSchema, load_schema, schema_from, unframe
from hailstream.topics import EVENT_TOPICS, TRIPS_ENDED, TRIPS_STARTED
from tests.unit.replay_sending.events import event, frame

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTS = ["pickup_location_id", "dropoff_location_id", "passenger_count", "payment_type", "rate_code"]
DOUBLES = [name for name, kind in EVENT_SCHEMA.items() if kind == pl.Float64]
AMOUNTS = [name for name in frame([]).columns if name.endswith(("_amount", "_tax", "surcharge")) or name == "extra"]

_times = (
    st.integers(-(2**50), 2**47)
    .map(lambda ms: max(ms, -62_000_000_000_000))
    .map(lambda ms: EPOCH + timedelta(milliseconds=ms))
)
_texts = st.text(max_size=300)
_ints = st.none() | st.integers(-(2**31), 2**31 - 1)
_doubles = st.none() | st.floats(allow_nan=False)
_cents = st.none() | st.integers(-(10**10) + 1, 10**10 - 1) | st.sampled_from([0, 127, 128, -128, -129, 32767, -32768])

_rows = st.fixed_dictionaries(
    {
        "is_end": st.booleans(),
        "trip_id": _texts,
        "event_time": _times,
        "started_at": _times,
        "source": _texts,
        **{name: st.none() | _texts for name in ("vendor_id", "driver_id", "vehicle_id")},
        **dict.fromkeys(INTS, _ints),
        **dict.fromkeys(DOUBLES, _doubles),
        **dict.fromkeys(AMOUNTS, _cents),
    }
)


def for_fastavro(row: dict[str, Any], schema: AvroSchema) -> dict[str, Any]:
    """The row with amounts as decimals, and no columns that the schema lacks."""
    out = {field["name"]: row.get(field["name"]) for field in schema.definition["fields"]}
    for name in AMOUNTS:
        if out.get(name) is not None:
            out[name] = Decimal(out[name]).scaleb(-2)
    return out


def by_fastavro(row: dict[str, Any], schema: AvroSchema) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema.parsed, row)
    return out.getvalue()


@settings(max_examples=25, deadline=None)
@given(st.lists(_rows, max_size=12))
def test_messages_equal_those_of_fastavro_and_read_back_as_the_rows(rows: list[dict[str, Any]]) -> None:
    batch = frame(rows)
    for topic in EVENT_TOPICS:
        schema = load_schema(topic)
        messages = BatchEncoder(schema, 77).encode(batch)
        wanted = [for_fastavro(row, schema) for row in rows]
        assert messages == [b"\x00\x00\x00\x00M" + by_fastavro(row, schema) for row in wanted]
        for message, row in zip(messages, wanted, strict=True):
            schema_id, body = unframe(message)
            stream = io.BytesIO(body)
            assert (schema_id, fastavro.schemaless_reader(stream, schema.parsed, None)) == (77, row)
            assert stream.read() == b""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.none() | st.binary(max_size=200)), max_size=9
    )
)
def test_every_type_of_a_schema_equals_fastavro_at_its_limits(values: list[tuple[int, bool, bytes | None]]) -> None:
    schema = schema_from(
        {
            "type": "record",
            "name": "Limits",
            "fields": [
                {"name": "number", "type": "long"},
                {"name": "flag", "type": "boolean"},
                {"name": "bytes", "type": ["bytes", "null"]},
                {"name": "big", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 0}},
            ],
        },
        "limits",
    )
    rows = [
        {"number": n, "flag": flag, "bytes": data, "big": abs(n) % 10**18 * (1 if n > 0 else -1)}
        for n, flag, data in values
    ]
    kinds = {"number": pl.Int64, "flag": pl.Boolean, "bytes": pl.Binary, "big": pl.Int64}
    messages = BatchEncoder(schema, 1).encode(pl.DataFrame(rows, schema=kinds))
    assert [unframe(message)[1] for message in messages] == [
        by_fastavro(row | {"big": Decimal(row["big"])}, schema) for row in rows
    ]


def test_slices_of_a_frame_encode_as_the_frame_does() -> None:
    encoder = BatchEncoder(load_schema(TRIPS_ENDED), 3)
    batch = frame([event(n, n, driver_id="d" * n, total_amount=n**3) for n in range(40)])
    cut = [message for part in batch.iter_slices(7) for message in encoder.encode(part)]
    assert cut == encoder.encode(batch)


def test_a_column_that_a_frame_lacks_is_null() -> None:
    encoder = BatchEncoder(load_schema(TRIPS_STARTED), 3)
    batch = frame([event(1, 1)])
    assert encoder.encode(batch.drop("driver_id", "pickup_latitude")) == encoder.encode(batch)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"source": None}, "no_source"),
        ({"started_at": None}, "no_started_at"),
        ({"total_amount": 10**10}, "total_amount_too_large"),
        ({"tip_amount": -(10**10)}, "tip_amount_too_large"),
    ],
    ids=str,
)
def test_a_row_that_the_schema_cannot_hold_is_told_and_never_encoded(values: dict[str, Any], why: str) -> None:
    encoder = BatchEncoder(load_schema(TRIPS_ENDED), 3)
    rows = frame([event(1, 1), event(3, 2, **values)])
    assert rows.select(encoder.problem().alias("why"))["why"].to_list() == [None, why]
    with pytest.raises(HailstreamError, match=why):
        encoder.encode(rows)


def test_a_schema_with_a_type_that_is_not_supported_is_refused_by_field() -> None:
    schema = schema_from(
        {"type": "record", "name": "X", "fields": [{"name": "tags", "type": {"type": "array", "items": "string"}}]}, "x"
    )
    with pytest.raises(HailstreamError, match="field tags"):
        BatchEncoder(schema, 1)
