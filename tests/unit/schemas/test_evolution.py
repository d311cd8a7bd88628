"""What may change in a schema: shown on bytes, and judged the same by the check."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import fastavro
import pytest

from hailstream.errors import HailstreamError
from hailstream.schemas import AvroSchema, load_all, load_previous, load_schema
from hailstream.schemas_evolution import incompatibilities, require_backward_compatible
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED
from tests.unit.schemas.changes import changed, with_field, with_type

STARTED = load_schema(TRIPS_STARTED)
ENDED = load_schema(TRIPS_ENDED)
ROW = {
    "trip_id": "t1",
    "event_time": datetime(2013, 1, 1, 5, tzinfo=UTC),
    "source": "test",
    "passenger_count": 3,
}
CENTS = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}


def written(schema: AvroSchema, row: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema.parsed, row)
    return out.getvalue()


def read(body: bytes, *, writer: AvroSchema, reader: AvroSchema) -> dict[str, Any]:
    row = fastavro.schemaless_reader(io.BytesIO(body), writer.parsed, reader.parsed)
    assert isinstance(row, dict)
    return row


def test_every_schema_reads_what_its_committed_previous_version_wrote() -> None:
    previous = {topic: load_previous(topic) for topic in load_all()}
    assert all(previous.values())
    for topic, schema in load_all().items():
        before = previous[topic]
        assert before is not None
        assert incompatibilities(schema, before) == []


def test_a_new_reader_gives_an_old_message_the_default_of_a_field_it_lacks() -> None:
    new = with_field(STARTED, name="app", type=["null", "string"], default=None)
    require_backward_compatible(new, STARTED)
    assert read(written(STARTED, ROW), writer=STARTED, reader=new)["app"] is None


def test_an_old_reader_skips_the_field_that_a_new_writer_added() -> None:
    new = with_field(STARTED, name="app", type="string", default="none")
    row = read(written(new, ROW | {"app": "x" * 300}), writer=new, reader=STARTED)
    assert (row["trip_id"], row["passenger_count"], "app" in row) == ("t1", 3, False)


def test_a_field_without_default_is_refused_by_name() -> None:
    new = with_field(STARTED, name="app", type="string")
    with pytest.raises(HailstreamError, match=r"events/trip_started.*field app: is new and has no default"):
        require_backward_compatible(new, STARTED)
    with pytest.raises(fastavro.read.SchemaResolutionError):
        read(written(STARTED, ROW), writer=STARTED, reader=new)


def test_an_int_may_become_a_long_but_not_the_reverse() -> None:
    wide = with_type(STARTED, "passenger_count", ["null", "long"])
    require_backward_compatible(wide, STARTED)
    assert read(written(STARTED, ROW), writer=STARTED, reader=wide)["passenger_count"] == 3
    with pytest.raises(HailstreamError, match="field passenger_count: written as"):
        require_backward_compatible(STARTED, wide)


def test_a_field_may_go_away() -> None:
    require_backward_compatible(
        changed(STARTED, lambda d: d["fields"].remove(next(f for f in d["fields"] if f["name"] == "vehicle_id"))),
        STARTED,
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fare_amount", ["null", CENTS | {"scale": 3}]),
        ("fare_amount", ["null", CENTS | {"precision": 8}]),
        ("fare_amount", ["null", "bytes"]),
        ("event_time", {"type": "long", "logicalType": "timestamp-micros"}),
        ("event_time", "long"),
        ("rate_code", ["null", {"type": "long", "logicalType": "timestamp-millis"}]),
    ],
    ids=str,
)
def test_the_same_bytes_with_another_meaning_are_refused(name: str, kind: Any) -> None:
    found = incompatibilities(with_type(ENDED, name, kind), ENDED)
    assert [problem.field for problem in found] == [name]


def test_a_wider_decimal_reads_a_narrower_one() -> None:
    assert incompatibilities(with_type(ENDED, "fare_amount", ["null", CENTS | {"precision": 12}]), ENDED) == []


def test_a_required_field_cannot_stand_for_an_optional_one() -> None:
    found = incompatibilities(with_type(STARTED, "vendor_id", "string", default=""), STARTED)
    assert [problem.field for problem in found] == ["vendor_id"]


def test_a_renamed_record_is_refused() -> None:
    assert incompatibilities(changed(STARTED, lambda d: d.update(name="Begun")), STARTED) != []


def test_every_incompatible_field_is_named() -> None:
    new = with_type(with_field(STARTED, name="app", type="string"), "trip_id", "int")
    assert {problem.field for problem in incompatibilities(new, STARTED)} == {"app", "trip_id"}
