"""A batch comes back row for row, and a message pays for itself alone."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest

from hailstream.decode import BatchDecoder, WriterSchemas, reasons
from hailstream.decode.message import MessageReader
from hailstream.errors import HailstreamError
from tests.unit.decode.fuzz import BREAKERS
from tests.unit.decode.messages import (
    AMOUNTS,
    ENDED,
    FIRST_TIME,
    STARTED,
    STARTED_ID,
    decode,
    decoder,
    encode,
    event,
    framed,
    names,
    row,
)


@pytest.fixture
def judged_alone(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that were read message by message."""
    bodies: list[bytes] = []
    read = MessageReader.read

    def counting(self: MessageReader, body: bytes, time: int | None) -> dict[str, Any]:
        bodies.append(body)
        return read(self, body, time)

    monkeypatch.setattr(MessageReader, "read", counting)
    return bodies


def plain_events(count: int, schema: Any = STARTED) -> tuple[list[bytes], np.ndarray[Any, np.dtype[np.int64]]]:
    rng = random.Random(3)
    pool = [encode(event(rng, schema, event_time=FIRST_TIME), schema) for _ in range(500)]
    return [rng.choice(pool) for _ in range(count)], np.full(count, FIRST_TIME)


def test_rows_stand_where_their_messages_stood_whatever_is_between_them() -> None:
    rng = random.Random(1)
    events = [event(rng) for _ in range(40)]
    messages: list[bytes | None] = [encode(made) for made in events]
    for index in range(0, 40, 4):
        messages[index] = None
        messages[index + 1] = [b"", b"\x01abcdef", b"\0\0\0", framed(b"\x07"), framed(b"", 99)][index // 4 % 5]
    decoded = decode(messages, [made["event_time"] for made in events])
    for index, made in enumerate(events):
        if index % 4 < 2:
            assert row(decoded, index) is None
            assert (decoded.error[index] is None) == (index % 4 == 0)
        else:
            assert row(decoded, index) == {k: v for k, v in made.items() if v is not None}
    assert decoded.rejected.sum() == 10
    assert set(decoded.error) == {
        None,
        reasons.EMPTY,
        reasons.BAD_MAGIC,
        reasons.TRUNCATED,
        reasons.UNKNOWN_SCHEMA,
    }


def test_a_null_value_is_a_heartbeat_and_no_reject_even_when_a_batch_has_nothing_else() -> None:
    decoded = decode([None, None], [0, 0])
    assert decoded.error.tolist() == decoded.detail.tolist() == [None, None]
    assert not decoded.present.any()
    assert not decoded.columns["trip_id"].valid.any()
    assert len(decode([], [])) == 0


def test_where_nothing_is_the_arrays_hold_nothing() -> None:
    made = event(random.Random(1)) | dict.fromkeys(["driver_id", "pickup_latitude", "passenger_count"])
    for batch in ([encode(made)], [encode(made), b"\x01"]):  # one that is plain, one that is put together
        decoded = decode(batch, [made["event_time"]] * len(batch))
        assert decoded["driver_id"].values.tolist() == [None] * len(batch)
        assert np.isnan(decoded["pickup_latitude"].values).all()
        assert decoded["passenger_count"].values.tolist() == [0] * len(batch)


def test_a_body_that_disagrees_with_its_record_timestamp_is_rejected_unless_nobody_compares() -> None:
    made = event(random.Random(2), event_time=FIRST_TIME)
    decoded = decode([encode(made)] * 2, [FIRST_TIME, FIRST_TIME + 1])
    assert decoded.error.tolist() == [None, reasons.TIMESTAMP_MISMATCH]
    assert decoder().decode([encode(made)], None).present.all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"trip_id": ""},
        {"fare_amount": 10**10},
        {"tip_amount": -(10**10)},
        {"total_amount": 10**17},
        {"extra": 10**30},
        {"started_at": 253_402_300_800_000},
        {"started_at": -(2**62)},
    ],
    ids=str,
)
def test_a_value_that_nothing_can_hold_is_invalid_whether_its_column_is_asked_for_or_not(wrong: dict[str, Any]) -> None:
    rng = random.Random(4)
    made = event(rng, ENDED, event_time=FIRST_TIME)
    plain = {**ENDED, "fields": [_wide(field) for field in ENDED["fields"]]}
    messages = [encode(made, ENDED), encode(made | wrong, plain)]
    for columns in (names(ENDED), ["vendor_id"]):
        decoded = decoder(ENDED, columns).decode(messages, np.full(2, FIRST_TIME))
        assert decoded.error.tolist() == [None, reasons.INVALID]


def _wide(field: dict[str, Any]) -> dict[str, Any]:
    if field["name"] in AMOUNTS:
        return {**field, "type": ["null", {**field["type"][1], "precision": 40}]}
    return {**field, "type": "long"} if field["name"] == "started_at" else field


@pytest.mark.parametrize(("count", "bad"), [(10_000, 1), (100_000, 1_000)])
def test_only_bad_messages_are_judged_alone(count: int, bad: int, judged_alone: list[bytes]) -> None:
    messages, times = plain_events(count)
    for index in random.Random(5).sample(range(count), bad):
        messages[index] = messages[index][:-3]
    subject = decoder(columns=["passenger_count"])
    rejected = [
        subject.decode(messages[first : first + 10_000], times[first : first + 10_000]).rejected.sum()
        for first in range(0, count, 10_000)
    ]
    assert sum(rejected) == len(judged_alone) == bad


@pytest.mark.parametrize("schema", [STARTED, ENDED], ids=["started", "ended"])
def test_no_message_that_fastavro_writes_is_judged_alone(schema: Any, judged_alone: list[bytes]) -> None:
    messages, times = plain_events(2_000, schema)
    assert decoder(schema).decode(messages, times).present.all()
    assert judged_alone == []


def test_the_verdict_on_a_message_does_not_depend_on_its_company_or_the_columns_asked_for() -> None:
    rng = random.Random(6)
    made = [event(rng, ENDED) for _ in range(600)]
    messages = [rng.choice(BREAKERS)(encode(one, ENDED), rng) for one in made]
    times = np.array([one["event_time"] for one in made])
    whole = decoder(ENDED).decode(messages, times)
    for columns in ([], ["trip_id"], ["source", "total_amount"], names(ENDED)):
        alone = decoder(ENDED, columns)
        for index, message in enumerate(messages):
            single = alone.decode([message], times[index : index + 1])
            assert (single.error[0], single.detail[0]) == (whole.error[index], whole.detail[index])
            for name in columns:
                assert repr(single[name].values[0]) == repr(whole[name].values[index])


def test_reasons_say_what_is_wrong() -> None:
    made = event(random.Random(7), source="sim", passenger_count=None)
    good = encode(made)
    cases = {
        good[:-1]: reasons.TRUNCATED,
        good[:40]: reasons.TRUNCATED,
        good[:5]: reasons.TRUNCATED,
        good + b"\0": reasons.TRAILING_BYTES,
        good[:-3] + b"s\xffm": reasons.UNDECODABLE,
        good[:-5] + b"\x08" + good[-4:]: reasons.UNDECODABLE,  # branch 4 of two
        b"\0\0\0\0\x08" + good[5:]: reasons.UNKNOWN_SCHEMA,
    }
    decoded = decode(list(cases), [made["event_time"]] * len(cases))
    assert dict(zip(cases, decoded.error, strict=True)) == cases
    assert all(decoded.detail)


def test_a_decoder_goes_through_pickle_before_and_after_use() -> None:
    made = event(random.Random(9))
    subject = pickle.loads(pickle.dumps(decoder()))
    for _ in range(2):
        assert subject.decode([encode(made)], [made["event_time"]]).present.all()
        subject = pickle.loads(pickle.dumps(subject))


def test_a_column_that_is_no_field_is_refused_by_name() -> None:
    with pytest.raises(HailstreamError, match="TripStarted has no field fare"):
        BatchDecoder(STARTED, WriterSchemas({STARTED_ID: STARTED}), ["fare", "trip_id"])
