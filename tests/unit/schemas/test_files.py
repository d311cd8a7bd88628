from __future__ import annotations

from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.schemas import frame, load_all, load_schema, schema_from, unframe
from hailstream.topics import ALL_TOPICS, TRIPS_STARTED


def test_every_topic_has_a_schema_whose_key_fields_it_has() -> None:
    for topic, schema in load_all().items():
        assert set(topic.key) <= {field["name"] for field in schema.definition["fields"]}, topic
    assert len(load_all()) == len(ALL_TOPICS)


def test_a_missing_schema_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match=r"trips\.started\.v1.*trip_started\.avsc"):
        load_schema(TRIPS_STARTED, folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no JSON"),
        ('"string"', "must be a record"),
        ('{"type": "record", "name": "X", "fields": [{"name": "a", "type": "decimal(10,2)"}]}', "UnknownType"),
        ('{"type": "record", "name": "X", "fields": [{"type": "int"}]}', "name"),
        ('{"type": "record", "name": "X"}', "must be a record with fields"),
    ],
)
def test_a_file_that_is_no_schema_is_refused_with_the_reason(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "events" / "trip_started.avsc"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(HailstreamError, match=says):
        load_schema(TRIPS_STARTED, folder=tmp_path)


def test_white_space_in_a_file_does_not_make_another_schema() -> None:
    schema = load_schema(TRIPS_STARTED)
    assert schema_from(dict(schema.definition), "again").text == schema.text
    assert "\n" not in schema.text


def test_a_frame_is_zero_then_the_id_in_four_bytes() -> None:
    assert frame(258, b"body") == b"\x00\x00\x00\x01\x02body"
    assert unframe(frame(2**32 - 1, b"")) == (2**32 - 1, b"")


@pytest.mark.parametrize("message", [b"", b"\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01body"])
def test_what_has_no_header_is_no_frame(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"magic|header"):
        unframe(message)
