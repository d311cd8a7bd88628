"""Messages that nobody can read: each kind is unreadable for certain, whatever its length and luck."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import polars as pl

from hailstream.encode.batch import BatchEncoder
from hailstream.replay.simulator.cases import Case
from hailstream.schemas import HEADER, MAGIC, load_schema
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

CASES = (Case.RANDOM, Case.TRUNCATED, Case.LENGTHENED, Case.FLIPPED, Case.UNKNOWN_SCHEMA, Case.EMPTY)
_UNKNOWN_ID = 0x70000000  # and up: no registry counts so far
_ID_AT = HEADER.size + 1  # a trip id of 16 characters follows its length
_TIME_AT = _ID_AT + 16


class Corrupter:
    """Turns events into bytes that are no events.

    Args:
        schema_ids: registry ids of the schemas of started and ended trips. Where they
            are not the real ones the messages are no more readable, only for another reason.
    """

    def __init__(self, schema_ids: tuple[int, int]) -> None:
        self._encoders = (
            BatchEncoder(load_schema(TRIPS_STARTED), schema_ids[0]),
            BatchEncoder(load_schema(TRIPS_ENDED), schema_ids[1]),
        )

    def corrupt(
        self, events: pl.DataFrame, keys: np.ndarray[tuple[int], np.dtype[np.uint64]]
    ) -> tuple[list[Case], list[bytes], list[str]]:
        """Case, bytes and description for each event; ``keys`` decide how."""
        messages = self._messages(events)
        found = [_spoiled(message, int(key)) for message, key in zip(messages, keys, strict=True)]
        return [case for case, _, _ in found], [raw for _, raw, _ in found], [text for _, _, text in found]

    def _messages(self, events: pl.DataFrame) -> list[bytes]:
        messages = [b""] * events.height
        for is_end, encoder in enumerate(self._encoders):
            rows = (events["is_end"] == bool(is_end)).arg_true()
            for row, message in zip(rows.to_list(), encoder.encode(events[rows]), strict=True):
                messages[row] = message
        return messages


def _spoiled(message: bytes, key: int) -> tuple[Case, bytes, str]:
    case, key = CASES[key % len(CASES)], key // len(CASES)
    noise = blake2b(key.to_bytes(8, "big"), digest_size=1 + key % 64).digest()
    if case is Case.EMPTY:
        return case, b"", "no bytes"
    if case is Case.RANDOM:
        first = noise[0] or 0xFF  # 0 would be the magic byte
        return case, bytes([first]) + noise[1:], f"{len(noise)} random bytes"
    if case is Case.TRUNCATED:
        # No proper prefix of an Avro record is a record.
        kept = 1 + key % (len(message) - 1)
        return case, message[:kept], f"{kept} of {len(message)} bytes"
    if case is Case.LENGTHENED:
        return case, message + noise, f"{len(noise)} bytes too many"
    if case is Case.UNKNOWN_SCHEMA:
        schema_id = _UNKNOWN_ID + key % 0x1000000
        return case, HEADER.pack(MAGIC, schema_id) + message[HEADER.size :], f"schema id {schema_id}"
    position, bit = _telling_bit(key)
    flipped = bytearray(message)
    flipped[position] ^= 1 << bit
    return case, bytes(flipped), f"bit {bit} of byte {position} flipped"


def _telling_bit(key: int) -> tuple[int, int]:
    """A bit whose flip cannot go unseen, unlike one in, say, an amount."""
    part, key = key % 3, key // 3
    if part == 0:
        return 0, key % 8  # the magic byte
    if part == 1:
        return _ID_AT + key % 16, 7  # a byte above 127 alone is no UTF-8
    return _TIME_AT + key // 7 % 5, key % 7  # the event time is no longer the record's
