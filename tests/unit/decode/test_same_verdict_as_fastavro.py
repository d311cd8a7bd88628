"""Whatever fastavro alone reads to a message's exact end is accepted, with the same values; all else is not."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.decode.fuzz import BREAKERS
from tests.unit.decode.messages import (
    ENDED,
    ENDED_ID,
    STARTED,
    STARTED_ID,
    Event,
    decoder,
    encode,
    event,
    plain_verdict,
    row,
)

KNOWN: dict[int, Any] = {STARTED_ID: STARTED, ENDED_ID: ENDED}


def assert_same_verdicts(messages: list[bytes], times: list[int], schema: Any) -> int:
    """Compare a batch with fastavro one by one; the number of events."""
    own = {ENDED_ID: ENDED} if schema is ENDED else {STARTED_ID: STARTED}
    decoded = decoder(schema, known=own).decode(messages, np.array(times, np.int64))
    for index, (message, time) in enumerate(zip(messages, times, strict=True)):
        expected = plain_verdict(message, time, schema, own)
        found = row(decoded, index)
        assert repr(found) == repr(expected), (message.hex(), decoded.error[index], decoded.detail[index])
        assert (decoded.error[index] is None) == (expected is not None)
    return int(decoded.present.sum())


@pytest.mark.parametrize("schema", [STARTED, ENDED], ids=["started", "ended"])
@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda breaker: breaker.__name__)
def test_broken_messages_between_whole_ones_meet_the_same_verdict(breaker: Any, schema: Any) -> None:
    rng = random.Random(breaker.__name__)
    messages, times = [], []
    for _ in range(600):
        made = event(rng, schema)
        message = encode(made, schema)
        messages.append(message if rng.random() < 0.3 else breaker(message, rng))
        times.append(made["event_time"])
    events = assert_same_verdicts(messages, times, schema)
    assert 120 < events < 600


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[bytes], list[int], Any]:
    """Joined messages of one schema, cut into as many pieces at other places: the total length agrees."""
    schema = draw(st.sampled_from([STARTED, ENDED]))
    rng = random.Random(draw(st.integers(0, 2**32)))
    events: list[Event] = [event(rng, schema) for _ in range(draw(st.integers(2, 8)))]
    messages = [encode(made, schema) for made in events]
    bodies = [message[5:] for message in messages]
    for _ in range(draw(st.integers(0, 3))):
        left = draw(st.integers(0, len(bodies) - 2))
        moved = draw(st.integers(-len(bodies[left]), len(bodies[left + 1])))
        joined, cut = bodies[left] + bodies[left + 1], len(bodies[left]) + moved
        bodies[left : left + 2] = [joined[:cut], joined[cut:]]
    return (
        [m[:5] + body for m, body in zip(messages, bodies, strict=True)],
        [made["event_time"] for made in events],
        schema,
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(streams())
def test_a_message_that_borrows_bytes_from_its_neighbour_is_noticed(
    stream: tuple[list[bytes], list[int], Any],
) -> None:
    messages, times, schema = stream
    whole = assert_same_verdicts(messages, times, schema)
    assert whole <= len(messages)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=80), min_size=1, max_size=12), st.sampled_from([STARTED, ENDED]))
def test_any_bytes_behind_a_good_header_meet_the_same_verdict(bodies: list[bytes], schema: Any) -> None:
    schema_id = ENDED_ID if schema is ENDED else STARTED_ID
    messages = [b"\0" + schema_id.to_bytes(4, "big") + body for body in bodies]
    assert_same_verdicts(messages, [0] * len(messages), schema)


# Around every border of well-formed UTF-8: lone and overlong bytes, surrogates, the last code point.
UTF8_EDGES = [
    "7f", "80", "bf", "c080", "c1bf", "c280", "c2", "dfbf", "e08080", "e0a080", "e0a0", "ed9fbf", "eda080", "edbfbf",
    "ee8080", "efbfbf", "f0808080", "f0908080", "f48fbfbf", "f4908080", "f5808080", "f8888080", "ff", "fe", "00", "c3",
]  # fmt: skip


def test_text_is_utf8_exactly_where_python_says_so_and_a_character_is_not_split_between_neighbours() -> None:
    rng = random.Random(8)
    messages, times = [], []
    for edge in UTF8_EDGES:
        for position in ("vendor_id", "source"):
            made = event(rng, **{position: "@" * (len(edge) // 2)})
            messages.append(encode(made).replace(b"@" * (len(edge) // 2), bytes.fromhex(edge)))
            times.append(made["event_time"])
    # The halves of one character at the end of one field and the start of the next.
    made = event(rng, vendor_id="a@", driver_id="@b")
    messages.append(encode(made).replace(b"a@", b"a\xc3").replace(b"@b", b"\xbcb"))
    times.append(made["event_time"])
    assert 10 < assert_same_verdicts(messages, times, STARTED) < len(messages)
