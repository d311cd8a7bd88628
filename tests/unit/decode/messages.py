"""Events and messages for the decoder's tests, and fastavro's plain verdict on a message."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import numpy as np

from hailstream.decode import BatchDecoder, Decoded, WriterSchemas

SCHEMAS = Path(__file__).parents[3] / "schemas" / "events"
STARTED = json.loads((SCHEMAS / "trip_started.avsc").read_text())
ENDED = json.loads((SCHEMAS / "trip_ended.avsc").read_text())
STARTED_ID, ENDED_ID = 7, 1_234_567
AMOUNTS = tuple(f["name"] for f in ENDED["fields"] if "decimal" in json.dumps(f["type"]))
FIRST_TIME = 1_357_016_400_000  # 2013-01-01 00:00 in New York

Event = dict[str, Any]
_PARSED: dict[str, Any] = {}


def names(schema: Any) -> list[str]:
    return [field["name"] for field in schema["fields"]]


def event(rng: random.Random, schema: Any = STARTED, **given: Any) -> Event:
    """An event with nulls, text outside ASCII, and amounts of every length; times in ms, amounts in cents."""
    text = ["", "1", "2013000123", "Zürich", "\N{TAXI}", "x" * 64, "y" * 200]
    number = [None, 0, 1, -1, 63, 64, 264, 265, 266, 2**31 - 1, -(2**31)]
    real = [None, 0.0, -0.0, 40.7, -73.9, 1e308, float("inf")]
    made: Event = {}
    for field in schema["fields"]:
        kind = json.dumps(field["type"])
        name = field["name"]
        if "decimal" in kind:
            digits = rng.choice([0, 1, 2, 4, 8, 10])
            made[name] = rng.choice([None, rng.randrange(-(10**digits) + 1, 10**digits)])
        elif "timestamp" in kind:
            made[name] = FIRST_TIME + rng.randrange(-(10**9), 10**9)
        elif "double" in kind:
            made[name] = rng.choice(real)
        elif '"int"' in kind:
            made[name] = rng.choice(number)
        else:
            made[name] = rng.choice(text[1:] if "null" not in kind else [None, *text])
    return made | {"trip_id": f"{rng.getrandbits(128):032x}"} | given


def encode(event: Event, schema: Any = STARTED, schema_id: int | None = None) -> bytes:
    """The message of an event in Confluent framing."""
    name = json.dumps(schema)
    parsed = _PARSED.setdefault(name, fastavro.parse_schema(schema))
    out = BytesIO()
    row = {k: Decimal(v).scaleb(-2) if k in AMOUNTS and v is not None else v for k, v in event.items()}
    fastavro.schemaless_writer(out, parsed, row)
    if schema_id is None:
        schema_id = ENDED_ID if schema["name"] == "TripEnded" else STARTED_ID
    return framed(out.getvalue(), schema_id)


def framed(body: bytes, schema_id: int = STARTED_ID) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + body


def decoder(schema: Any = STARTED, columns: Sequence[str] | None = None, **writers: Any) -> BatchDecoder:
    """A decoder of all columns that knows the two schemas."""
    known = WriterSchemas(writers.get("known", {STARTED_ID: STARTED, ENDED_ID: json.dumps(ENDED)}))
    return BatchDecoder(schema, known, names(schema) if columns is None else columns)


def decode(messages: Sequence[bytes | None], times: Sequence[int], schema: Any = STARTED) -> Decoded:
    return decoder(schema).decode(messages, np.array(times, np.int64))


def row(decoded: Decoded, index: int) -> Event | None:
    """One decoded event; None for what is none."""
    if not decoded.present[index]:
        return None
    return {
        name: column.values[index].item() if hasattr(column.values[index], "item") else column.values[index]
        for name, column in decoded.columns.items()
        if column.valid[index]
    }


def plain_verdict(message: bytes, time: int, schema: Any, known: dict[int, Any], reader: Any = None) -> Event | None:
    """What fastavro alone makes of a message, logical types and all; None when it must be rejected.

    Nothing of the decoder is used here. Nulls are left out of the event.
    """
    if len(message) < 5 or message[0] != 0:
        return None
    writer = known.get(int.from_bytes(message[1:5], "big"))
    if writer is None:
        return None
    source = BytesIO(message[5:])
    try:
        read = fastavro.schemaless_reader(source, writer, reader if reader is not None else schema)
    except Exception:
        return None
    if source.tell() != len(message) - 5:
        return None
    found: Event = {}
    for field in schema["fields"]:
        value = read[field["name"]]
        kind = json.dumps(field["type"])
        if value is None:
            continue
        if "decimal" in kind:
            value = int(value.scaleb(2))
            if abs(value) >= 10**10:
                return None
        elif "timestamp" in kind:
            value = round(value.timestamp() * 1000)
        found[field["name"]] = value
    if found["trip_id"] == "" or found["event_time"] != time:
        return None
    return found
