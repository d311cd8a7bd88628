"""What another encoder may write, and what a crafted message may try."""

from __future__ import annotations

import random
import tracemalloc
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from hailstream.decode import reasons
from hailstream.decode.fields import MAX_TEXT_BYTES
from tests.unit.decode.messages import (
    ENDED,
    ENDED_ID,
    FIRST_TIME,
    STARTED,
    decoder,
    encode,
    event,
    framed,
    plain_verdict,
    row,
)


def zigzag(number: int, size: int = 0) -> bytes:
    """An integer in at least ``size`` bytes."""
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F or len(out) + 1 < size:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def body(made: dict[str, Any], schema: Any, *, integer_bytes: int, decimal_bytes: int, null: int, value: int) -> bytes:
    """An event as a wasteful encoder would write it."""
    out = BytesIO()
    for field in schema["fields"]:
        given, kind = made[field["name"]], str(field["type"])
        if isinstance(field["type"], list):
            out.write(zigzag(null if given is None else value, integer_bytes))
        if given is None:
            continue
        if "decimal" in kind:
            out.write(zigzag(decimal_bytes, integer_bytes) + given.to_bytes(decimal_bytes, "big", signed=True))
        elif "double" in kind:
            out.write(np.float64(given).tobytes())
        elif "string" in kind:
            out.write(zigzag(len(given.encode()), integer_bytes) + given.encode())
        else:
            out.write(zigzag(given, integer_bytes))
    return out.getvalue()


@pytest.mark.parametrize("integer_bytes", [0, 2, 6, 8, 9, 10])
@pytest.mark.parametrize("decimal_bytes", [5, 8, 9, 16, 17, 300])
def test_redundant_varints_and_padded_decimals_are_read(integer_bytes: int, decimal_bytes: int) -> None:
    rng = random.Random(integer_bytes)
    made = [event(rng, ENDED) for _ in range(30)]
    sizes = {"integer_bytes": integer_bytes, "decimal_bytes": decimal_bytes, "null": 0, "value": 1}
    messages = [framed(body(one, ENDED, **sizes), ENDED_ID) for one in made]
    decoded = decoder(ENDED).decode(messages, [one["event_time"] for one in made])
    for index, one in enumerate(made):
        assert row(decoded, index) == {k: v for k, v in one.items() if v is not None}


def test_an_integer_that_does_not_end_is_not_cut_off_after_eight_bytes() -> None:
    made = event(random.Random(1), passenger_count=5, source="sim", event_time=FIRST_TIME)
    good = encode(made)
    tail = b"\x02\x0a\x06sim"
    assert good.endswith(tail)
    # The source's length and text are the rest of the number, whose end is then missing.
    message = good[: -len(tail)] + b"\x02" + b"\x8a" + b"\x80" * 7 + b"\x06sim"
    decoded = decoder().decode([message, good], [FIRST_TIME] * 2)
    assert plain_verdict(message, FIRST_TIME, STARTED, {7: STARTED}) is None
    assert decoded.present.tolist() == [False, True]


def test_a_union_branch_counted_from_the_end_is_read_as_fastavro_reads_it() -> None:
    made = event(random.Random(1))
    message = framed(body(made, STARTED, integer_bytes=0, decimal_bytes=5, null=-2, value=-1))
    decoded = decoder().decode([message], [made["event_time"]])
    assert plain_verdict(message, made["event_time"], STARTED, {7: STARTED}) is not None
    assert row(decoded, 0) == {k: v for k, v in made.items() if v is not None}


@pytest.mark.parametrize("length", [-1, -(2**31), 2**31, 2**40, 2**62, -(2**63), 2**63 - 1])
def test_a_length_beyond_the_message_allocates_nothing(length: int) -> None:
    good = encode(event(random.Random(1), event_time=FIRST_TIME))
    bad = framed(zigzag(length) + b"x" * 40)
    subject = decoder()
    subject.decode([good, bad, good], [FIRST_TIME] * 3)
    tracemalloc.start()
    decoded = subject.decode([good, bad, good], [FIRST_TIME] * 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decoded.error.tolist() == [None, reasons.TRUNCATED, None]
    assert peak < 1_000_000


@pytest.mark.parametrize("time", [0, -1, 4_102_444_800_000, -62_135_596_800_000, 253_402_300_799_999])
def test_every_time_of_the_years_1_to_9999_is_an_event(time: int) -> None:
    decoded = decoder().decode([encode(event(random.Random(1), event_time=time))], [time])
    assert decoded["event_time"].values.tolist() == [time]


@pytest.mark.parametrize("time", [-62_135_596_800_001, 253_402_300_800_000, 2**63 - 1, -(2**63), 2**56])
def test_a_time_of_no_such_year_is_invalid(time: int) -> None:
    decoded = decoder().decode([encode(event(random.Random(1), event_time=time))], [time])
    assert decoded.error.tolist() == [reasons.INVALID]


@pytest.mark.parametrize(
    ("length", "accepted"), [(MAX_TEXT_BYTES // 2, True), (MAX_TEXT_BYTES // 2 + 1, False), (500_000, False)]
)
def test_text_without_end_is_rejected_and_its_neighbours_are_read(length: int, accepted: bool) -> None:
    rng = random.Random(1)
    made = [event(rng, event_time=FIRST_TIME, source=source) for source in ("a", "é" * length, "b")]
    decoded = decoder().decode([encode(one) for one in made], [FIRST_TIME] * 3)
    assert decoded.present.tolist() == [True, accepted, True]
    assert decoded.error[1] == (None if accepted else reasons.INVALID)
    assert decoded["source"].values[[0, 2]].tolist() == ["a", "b"]
