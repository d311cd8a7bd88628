"""Reading result messages by the block: what is good is read, what is bad stands alone."""

from __future__ import annotations

import io
import json
import random
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.loader.batching import Message, TopicMessages
from hailstream.loader.contract import OFFSET, PARTITION
from hailstream.loader.decode import decode
from hailstream.loader.writers import RegistryAway, Writer
from hailstream.schemas import frame, load_schema
from hailstream.topics import EVENTS_LATE, RESULT_TOPICS, ZONE_COUNTS, ZONE_REVENUE, Topic
from tests.contract.loader.results import DAY, counts, encode, gather, message, revenue

CENTS = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda n: Decimal(n).scaleb(-2))
LONGS = st.integers(-(2**63), 2**63 - 1)
INTS = st.integers(-(2**31), 2**31 - 1)
TIMES = st.integers(-(10**9), 10**9).map(lambda seconds: DAY + timedelta(seconds=seconds))

VALUES: dict[str, st.SearchStrategy[Any]] = {"int": INTS, "long": LONGS, "string": st.text(), "bytes": st.binary()}
VALUES["double"] = st.floats(allow_nan=False)


def rows_of(topic: Topic) -> st.SearchStrategy[dict[str, Any]]:
    """Any rows of a topic's schema."""

    def values(kind: Any) -> st.SearchStrategy[Any]:
        if isinstance(kind, list):
            return st.none() | values(kind[1])
        if not isinstance(kind, dict):
            return VALUES[kind]
        if kind["logicalType"] == "decimal":
            most = 10 ** kind["precision"] - 1
            scale = -kind["scale"]
            return st.integers(-most, most).map(lambda n: Decimal(n).scaleb(scale))
        return TIMES

    fields = load_schema(topic).definition["fields"]
    return st.fixed_dictionaries({field["name"]: values(field["type"]) for field in fields})


def writers(topic: Topic) -> dict[int, Writer]:
    return {1: Writer.of(load_schema(topic).definition)}


def held(topic: Topic, values: list[bytes | None]) -> TopicMessages:
    return gather(Message(topic.base, 0, offset, 5, value) for offset, value in enumerate(values))


@pytest.mark.parametrize("topic", RESULT_TOPICS, ids=lambda topic: topic.base)
def test_every_row_of_every_result_topic_comes_back_as_it_was_written(topic: Topic) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(rows_of(topic), min_size=1, max_size=6))
    def check(rows: list[dict[str, Any]]) -> None:
        with localcontext(prec=60):
            decoded, refused = decode(topic, held(topic, [message(topic, row) for row in rows]), writers(topic).get)
        assert refused == []
        assert decoded.select(list(rows[0])).to_dicts() == rows

    check()


def _record(topic: Topic, body: bytes) -> dict[str, Any] | None:
    """The record that the bytes are from first to last, read alone; None when they are none."""
    stream = io.BytesIO(body)
    try:
        record = fastavro.schemaless_reader(stream, load_schema(topic).parsed, None)
    except Exception:
        return None
    return record if stream.tell() == len(body) else None  # type: ignore[return-value]


def _damaged(random_: random.Random, body: bytes) -> bytes:
    kind = random_.randrange(5)
    if kind == 0:
        return body[: random_.randrange(len(body))]
    if kind == 1:
        return body + random_.randbytes(random_.randrange(1, 6))
    if kind == 2:
        return random_.randbytes(random_.randrange(40))
    changed = bytearray(body)
    for _ in range(kind - 2):
        changed[random_.randrange(len(changed))] ^= 1 << random_.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_messages_are_told_from_good_ones_exactly_and_no_neighbour_is_misread(
    seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    random_ = random.Random(seed)
    rows = [revenue(zone=n % 265 + 1, minute=n, fares=[f"{n}.{n % 100:02d}"]) for n in range(1500)]
    bodies = [encode(ZONE_REVENUE, row) for row in rows]
    damaged = {n: _damaged(random_, bodies[n]) for n in random_.sample(range(1500), 500)}
    bodies = [damaged.get(n, body) for n, body in enumerate(bodies)]
    decoded, refused = decode(
        ZONE_REVENUE, held(ZONE_REVENUE, [frame(1, b) for b in bodies]), writers(ZONE_REVENUE).get
    )
    found = {row.pop(OFFSET): row for row in decoded.drop(PARTITION, "_appended").to_dicts()}
    reasons = {r.offset: r.reason for r in refused}
    assert sorted([*found, *reasons]) == list(range(1500))
    for n in range(1500):
        alone = _record(ZONE_REVENUE, bodies[n])
        if n not in damaged:
            assert found[n] == rows[n]
        elif n in found:
            assert found[n] == alone
        elif alone is not None:
            assert "beyond its type" in reasons[n] or "digits" in reasons[n], reasons[n]
    assert len(reasons) > 300
    assert "panicked" not in capfd.readouterr().err


def test_a_truncated_message_does_not_borrow_from_its_neighbour() -> None:
    # Its last byte cut off, the neighbour's doubled: together they have the right length.
    one, two = message(ZONE_COUNTS, counts(1)), message(ZONE_COUNTS, counts(2))
    decoded, refused = decode(ZONE_COUNTS, held(ZONE_COUNTS, [one[:-1], two + two[-1:]]), writers(ZONE_COUNTS).get)
    assert decoded.is_empty()
    assert [r.offset for r in refused] == [0, 1]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"", "0 bytes"),
        (b"\x00\x00\x00", "3 bytes"),
        (b"\x05\x00\x00\x00\x01rest", "first byte 5"),
        (frame(99, b"x"), "no schema 99"),
        (frame(1, b""), "not readable"),
        (message(ZONE_COUNTS, counts()) + b"\x00\x00", "2 bytes after the end"),
    ],
)
def test_each_unreadable_message_has_its_reason(value: bytes | None, reason: str) -> None:
    good = message(ZONE_COUNTS, counts(7))
    decoded, refused = decode(ZONE_COUNTS, held(ZONE_COUNTS, [good, value, good]), writers(ZONE_COUNTS).get)
    assert decoded[OFFSET].to_list() == [0, 2]
    assert [r.offset for r in refused] == [1]
    assert reason in refused[0].reason


@pytest.mark.parametrize("exponent", [16, 17, 25, 60])
def test_an_amount_beyond_its_type_is_refused_and_not_cut(exponent: int) -> None:
    definition = json.loads(
        json.dumps(load_schema(ZONE_REVENUE).definition)
        .replace('"precision":18', '"precision":90')
        .replace('"precision": 18', '"precision": 90')
    )
    body = io.BytesIO()
    with localcontext(prec=100):
        fastavro.schemaless_writer(body, fastavro.parse_schema(definition), revenue(total_sum=Decimal(10) ** exponent))
    values = [message(ZONE_REVENUE, revenue(1)), frame(1, body.getvalue()), message(ZONE_REVENUE, revenue(2))]
    decoded, refused = decode(ZONE_REVENUE, held(ZONE_REVENUE, values), writers(ZONE_REVENUE).get)
    assert decoded["zone_id"].to_list() == [1, 2]
    assert [r.offset for r in refused] == [1]


def test_text_that_is_not_utf8_costs_its_own_message_only() -> None:
    row = {
        "topic": "t", "partition": 0, "offset": 1, "metric": "m", "event_time": DAY, "watermark": DAY,
        "trip_id": "abcdef", "zone_id": 1, "value": b"",
    }  # fmt: skip
    good = message(EVENTS_LATE, row)
    values: list[bytes | None] = [good] * 40
    values[17] = good.replace(b"abcdef", b"\xff\xfe\xfdabc")
    decoded, refused = decode(EVENTS_LATE, held(EVENTS_LATE, values), writers(EVENTS_LATE).get)
    assert decoded.height == 39
    assert [r.offset for r in refused] == [17]


def test_messages_of_older_and_newer_schemas_in_one_batch_are_brought_to_ours() -> None:
    ours = load_schema(ZONE_COUNTS).definition
    # A newer writer with a field more, and one that knew no nulls in a field that now may be one.
    newer = ours | {"fields": [*ours["fields"], {"name": "weather", "type": ["null", "string"], "default": None}]}
    narrow = ours | {"fields": [f | {"type": "int"} if f["name"] == "trips" else f for f in ours["fields"]]}
    values = [message(ZONE_COUNTS, counts(1))]
    for schema_id, definition, extra in ((2, newer, {"weather": "rain"}), (3, narrow, {})):
        body = io.BytesIO()
        fastavro.schemaless_writer(body, fastavro.parse_schema(definition), counts(schema_id) | extra)
        values.append(frame(schema_id, body.getvalue()))
    known = writers(ZONE_COUNTS) | {2: Writer.of(newer), 3: Writer.of(narrow)}
    decoded, refused = decode(ZONE_COUNTS, held(ZONE_COUNTS, values), known.get)
    assert refused == []
    assert decoded.select(list(counts())).to_dicts() == [counts(1), counts(2), counts(3)]


def test_a_registry_that_is_away_stops_the_batch_and_refuses_nothing() -> None:
    def away(_schema_id: int) -> Writer | None:
        raise RegistryAway("away")

    with pytest.raises(RegistryAway):
        decode(ZONE_COUNTS, held(ZONE_COUNTS, [message(ZONE_COUNTS, counts())]), away)


def test_a_batch_without_a_readable_message_is_an_empty_frame_of_the_right_columns() -> None:
    decoded, refused = decode(ZONE_COUNTS, held(ZONE_COUNTS, [b"x"]), writers(ZONE_COUNTS).get)
    assert decoded.is_empty()
    assert set(counts()) < set(decoded.columns)
    assert len(refused) == 1
