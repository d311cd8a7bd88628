"""Messages of other versions of a schema: as fastavro resolves them, with the proof kept."""

from __future__ import annotations

import json
import random
from io import BytesIO
from typing import Any

import fastavro
import numpy as np
import pytest

from hailstream.decode import BatchDecoder, WriterSchemas, reasons
from hailstream.decode.message import MessageReader
from tests.unit.decode.fuzz import BREAKERS
from tests.unit.decode.messages import ENDED, STARTED, event, framed, names, plain_verdict, row

V2 = 42
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}


def changed(schema: Any, **types: Any) -> Any:
    """The schema with other types for some fields, and ``added`` ones in front and behind."""
    added = types.pop("added", [])
    fields = [{**f, "type": types[f["name"]], "default": None} if f["name"] in types else f for f in schema["fields"]]
    fields = [{k: v for k, v in f.items() if k != "default" or isinstance(f["type"], list)} for f in fields]
    return {**schema, "fields": added[:1] + fields + added[1:]}


def without(schema: Any, *gone: str) -> Any:
    return {**schema, "fields": [f for f in schema["fields"] if f["name"] not in gone]}


NEW_FIELDS = [
    {"name": "app_version", "type": ["null", "string"], "default": None},
    {"name": "shared", "type": "boolean"},
    {"name": "score", "type": "float"},
    {"name": "token", "type": ["bytes", "null"]},
]

# Writers whose messages are still read all at once.
AT_ONCE = {
    "older, without fields that have defaults": without(STARTED, "vehicle_id", "passenger_count", "vendor_id"),
    "newer, with fields nobody reads": changed(STARTED, added=NEW_FIELDS),
    "fields in another order": {**STARTED, "fields": STARTED["fields"][::-1]},
    "null last in unions": changed(STARTED, driver_id=["string", "null"], passenger_count=["int", "null"]),
    "no unions": changed(STARTED, driver_id="string", passenger_count="int", pickup_latitude="double"),
    "double from float, int and long": changed(
        STARTED, pickup_latitude=["null", "float"], pickup_longitude=["null", "long"]
    ),
    "record in another namespace": {**STARTED, "namespace": "elsewhere"},
}
# Writers whose messages are read one by one.
ONE_BY_ONE = {
    "an array, a map, an enum and a record nobody reads": changed(
        STARTED,
        added=[
            {"name": "stops", "type": {"type": "array", "items": "int"}},
            {"name": "tags", "type": {"type": "map", "values": "string"}},
            {"name": "mood", "type": {"type": "enum", "name": "Mood", "symbols": ["GOOD", "BAD"]}},
            {
                "name": "at",
                "type": {"type": "record", "name": "At", "fields": [{"name": "x", "type": "double"}]},
            },
        ],
    ),
    "text written as bytes": changed(STARTED, source="bytes"),
    "a union of three": changed(STARTED, pickup_latitude=["null", "int", "double"]),
    "a null where text is needed": changed(STARTED, source=["null", "string"]),
}
WRITERS = AT_ONCE | ONE_BY_ONE


def written(writer: Any, rng: random.Random) -> tuple[bytes, int]:
    """A message of ``writer``, and its event time."""
    made = event(rng, STARTED)
    for field in writer["fields"]:
        kind, name = json.dumps(field["type"]), field["name"]
        if name not in made:
            made[name] = {
                "app_version": rng.choice([None, "Zürich"]),
                "shared": rng.random() < 0.5,
                "score": 1.5,
                "token": rng.choice([None, b"\xff\xfe"]),
                "stops": [1, 2, 300],
                "tags": {"a": "b"},
                "mood": "BAD",
                "at": {"x": 0.5},
            }[name]
        elif "null" not in kind and made[name] is None:
            made[name] = {"driver_id": "d", "passenger_count": 2, "pickup_latitude": 40.7}[name]
        elif '"long"' in kind and name == "pickup_longitude" and made[name] is not None:
            made[name] = rng.choice([0, -(2**40), 7])
        elif '"bytes"' in kind and name == "source":
            made[name] = made[name].encode()
        elif '"float"' in kind and made[name] is not None:
            made[name] = rng.choice([0.1, -1e30])
        elif name == "source" and '"null"' in kind:
            made[name] = rng.choice([None, made[name]])
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(writer, named_schemas={}), made)
    return framed(out.getvalue(), V2), made["event_time"]


@pytest.mark.parametrize("name", WRITERS)
def test_other_versions_are_resolved_as_fastavro_resolves_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = WRITERS[name]
    rng = random.Random(name)
    made = [written(writer, rng) for _ in range(200)]
    messages, times = [m for m, _ in made], [t for _, t in made]
    alone: list[bytes] = []
    read = MessageReader.read
    monkeypatch.setattr(MessageReader, "read", lambda self, body, time: alone.append(body) or read(self, body, time))
    decoded = BatchDecoder(STARTED, WriterSchemas({V2: writer}), names(STARTED)).decode(messages, np.array(times))
    for index, message in enumerate(messages):
        expected = plain_verdict(message, times[index], STARTED, {V2: writer})
        assert repr(row(decoded, index)) == repr(expected and dict(sorted(expected.items(), key=_order)))
    assert decoded.present.any()
    assert len(alone) == (0 if name in AT_ONCE else len(messages))


def _order(item: tuple[str, Any]) -> int:
    return names(STARTED).index(item[0])


@pytest.mark.parametrize("name", WRITERS)
def test_broken_messages_of_other_versions_are_never_taken_for_more_than_fastavro_takes_them(name: str) -> None:
    writer = WRITERS[name]
    rng = random.Random(name)
    made = [written(writer, rng) for _ in range(400)]
    times = [t for _, t in made]
    messages = [rng.choice(BREAKERS)(m, rng) for m, _ in made]
    decoded = BatchDecoder(STARTED, WriterSchemas({V2: writer}), names(STARTED)).decode(messages, np.array(times))
    for index, message in enumerate(messages):
        expected = plain_verdict(message, times[index], STARTED, {V2: writer})
        found = row(decoded, index)
        if found is None and expected is not None:
            # fastavro does not notice the end of the bytes inside a field it passes over.
            assert decoded.error[index] == reasons.TRUNCATED
            assert len(writer["fields"]) > len(STARTED["fields"])
        elif found is not None:
            assert repr(found) == repr(expected and dict(sorted(expected.items(), key=_order)))


def test_a_message_cut_inside_a_field_nobody_reads_is_truncated() -> None:
    for last in ("string", "double", {"type": "array", "items": "string"}):
        writer = changed(STARTED, added=[NEW_FIELDS[0], {"name": "last", "type": last}])
        made = event(random.Random(1)) | {"app_version": None, "last": {"string": "abc", "double": 1.5}.get(str(last))}
        if made["last"] is None:
            made["last"] = ["abc"]
        out = BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(writer, named_schemas={}), made)
        messages = [framed(out.getvalue(), V2), framed(out.getvalue()[:-2], V2)]
        decoded = BatchDecoder(STARTED, WriterSchemas({V2: writer}), []).decode(messages, [made["event_time"]] * 2)
        assert decoded.error.tolist() == [None, reasons.TRUNCATED]


def test_versions_mixed_in_a_batch_keep_their_order() -> None:
    rng = random.Random(11)
    older, newer = AT_ONCE["older, without fields that have defaults"], AT_ONCE["newer, with fields nobody reads"]
    messages, times = [], []
    for index in range(300):
        message, time = written([STARTED, older, newer][index % 3], rng)
        messages.append(message[:1] + (index % 3).to_bytes(4, "big") + message[5:])
        times.append(time)
    known = {0: STARTED, 1: older, 2: newer}
    decoded = BatchDecoder(STARTED, WriterSchemas(known), names(STARTED)).decode(messages, np.array(times))
    for index, message in enumerate(messages):
        assert row(decoded, index) == plain_verdict(message, times[index], STARTED, known)
    assert decoded["vehicle_id"].valid[::3].any()
    assert not decoded["vehicle_id"].valid[1::3].any()


def test_a_default_that_is_a_decimal_or_text_is_filled_in() -> None:
    reader = {
        **STARTED,
        "fields": [
            *STARTED["fields"],
            {"name": "deposit", "type": DECIMAL, "default": "\u0001\u0000"},
            {"name": "city", "type": "string", "default": "New York"},
        ],
    }
    message, time = written(STARTED, random.Random(1))
    for messages in ([message], [message, message[:-1]]):
        decoded = BatchDecoder(reader, WriterSchemas({V2: STARTED}), ["deposit", "city"]).decode(
            messages, [time] * len(messages)
        )
        assert decoded["deposit"].values[0] == 256
        assert decoded["city"].values[0] == "New York"


RECURSIVE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "next", "type": ["null", "Node"]}],
}
UNSUPPORTED = {
    "a type that contains itself": changed(STARTED, added=[{"name": "tree", "type": RECURSIVE}]),
    "an array of nothing": changed(STARTED, added=[{"name": "x", "type": {"type": "array", "items": "null"}}]),
    "microseconds": changed(STARTED, event_time={"type": "long", "logicalType": "timestamp-micros"}),
    "another scale": changed(ENDED, fare_amount=["null", {**DECIMAL, "scale": 4}]),
    "no Avro": {"type": "object", "properties": {}},
    "no JSON": "syntax = 'proto3';",
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_schema_that_is_unsafe_or_means_something_else_is_refused(name: str) -> None:
    reader = ENDED if name == "another scale" else STARTED
    # A count of 2^62 items without a byte, and a chain of a million branches.
    bodies = [b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f" * 2, b"\x02" * 1_000_000]
    decoded = BatchDecoder(reader, WriterSchemas({V2: UNSUPPORTED[name]}), names(reader)).decode(
        [framed(body, V2) for body in bodies], [0, 0]
    )
    assert decoded.error.tolist() == [reasons.UNSUPPORTED_SCHEMA] * 2
