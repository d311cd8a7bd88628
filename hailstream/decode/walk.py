"""Many messages of one schema at once: one step per field, each for all messages.

A cursor stands in every message. A step reads one field at all cursors with a
few array operations and moves each cursor behind it. A message in which every
step found what it may find, and whose cursor ends exactly at the message's end,
is decoded; the proof is the end of the walk itself. Every other message is left
to be judged alone, and costs its neighbours nothing: there is no state between
messages that a broken one could spoil.

Only the plainest encoding is read here (an integer in at most 8 bytes, a union
branch in one byte, a decimal in at most 8 bytes); what is legal but unusual is
left too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.fields import MAX_TEXT_BYTES, TRIP_ID, Field, Kind
from hailstream.decode.message import FIRST_MS, LAST_MS
from hailstream.decode.plan import MAX_STEPS, Step
from hailstream.decode.texts import TextField, read_texts

#: Zero bytes that must follow the last message: a walk reads beyond it, up to 16 bytes a step and 8 more.
PADDING = 16 * MAX_STEPS + 8

_TOP_BITS = np.uint64(0x8080808080808080)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_ONE = np.uint64(1)


@dataclass(frozen=True)
class Walked:
    """What a walk found; arrays have one element per message.

    Attributes:
        decoded: the message is proved; elsewhere the columns hold nothing of meaning.
        columns: values and, where a field can be null, which are not.
    """

    decoded: Mask
    columns: dict[str, tuple[Array, Mask | None]]


def walk(data: bytes, starts: Array, ends: Array, steps: Sequence[Step], wanted: frozenset[str]) -> Walked:
    """Decode the messages ``data[starts[i]:ends[i]]``.

    Args:
        data: messages in order, without overlap, then ``PADDING`` zero bytes.
        starts, ends: int64, behind the framing and behind the message.
        wanted: the columns to make; the others are only checked.
    """
    cursor = _Cursor(data, starts, ends)
    columns: dict[str, tuple[Array, Mask | None]] = {}
    texts: list[TextField] = []
    for step in steps:
        present = cursor.union(step.null_branch) if step.null_branch is not None else None
        field = step.field
        if field is not None and field.kind is Kind.STRING:
            start, length = cursor.stretch(present)
            cursor.left |= length > MAX_TEXT_BYTES
            if field.name == TRIP_ID:
                cursor.left |= length == 0
            texts.append(TextField(field.name, start, length, present))
        elif field is None:
            cursor.skip(step.encoding, present)
        else:
            values = cursor.values(step.encoding, field, present, field.name in wanted)
            if values is not None and field.name in wanted:
                columns[field.name] = values, present
    decoded = ~cursor.left & (cursor.position == ends)
    if texts:
        decoded, strings = read_texts(data, texts, decoded, ends, wanted)
        columns |= strings
    return Walked(decoded, columns)


class _Cursor:
    """A position in every message, and which messages are left to be judged alone.

    A cursor never moves backwards, and text never moves it past its message's
    end; so one that is past the end stays there, at most the padding away.
    """

    def __init__(self, data: bytes, starts: Array, ends: Array) -> None:
        self.octets = np.frombuffer(data, np.uint8)
        # The eight bytes from each position on, as one little-endian word.
        self.words: Array = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
        self.position = starts
        self.ends = ends
        self.left: Mask = np.zeros(len(starts), np.bool_)

    def union(self, null_branch: int) -> Mask | None:
        """Read a union with null: which messages have a value; None for all of them."""
        branch = self.octets[self.position]
        self.position = self.position + 1
        null, other = (0, 2) if null_branch == 0 else (2, 0)
        present: Mask = branch == other
        if present.all():
            return None
        self.left |= ~present & (branch != null)
        return present

    def integer(self, present: Mask | None) -> Array:
        """Read a zigzag integer; 0 where absent."""
        first = self.octets[self.position]
        if present is not None:
            first = first * present
        if len(first) == 0 or first.max() < 0x80:
            self.position = self.position + (1 if present is None else present)
            small = (first >> 1).view(np.int8) ^ -(first & 1).view(np.int8)
            return small.astype(np.int64)
        word = self.words[self.position]
        stop = ~word & _TOP_BITS
        unended = stop == 0
        upto = stop ^ (stop - _ONE)  # all bits up to the first byte that ends an integer
        size = (np.bitwise_count(upto) >> 3).astype(np.int64)
        word &= upto & _LOW_BITS
        word = (word & np.uint64(0x007F007F007F007F)) | ((word & np.uint64(0x7F007F007F007F00)) >> _ONE)
        word = (word & np.uint64(0x00003FFF00003FFF)) | ((word & np.uint64(0x3FFF00003FFF0000)) >> np.uint64(2))
        word = (word & np.uint64(0x000000000FFFFFFF)) | ((word & np.uint64(0x0FFFFFFF00000000)) >> np.uint64(4))
        value = (word >> _ONE).view(np.int64) ^ -(word & _ONE).view(np.int64)
        if present is not None:
            unended &= present
            size *= present
            value *= present
        self.left |= unended
        self.position = self.position + size
        return value

    def stretch(self, present: Mask | None) -> tuple[Array, Array]:
        """Read text or bytes: where they start, and how many there are (0 where absent)."""
        length = self.integer(present)
        outside = (length < 0) | (length > self.ends - self.position)
        if outside.any():
            self.left |= outside
            length[outside] = 0
        start = self.position
        self.position = start + length
        return start, length

    def _wide(self, present: Mask | None, size: int) -> Array:
        word = self.words[self.position]
        self.position = self.position + (size if present is None else present * np.int64(size))
        return word

    def skip(self, encoding: str, present: Mask | None) -> None:
        """Move behind a field that nobody reads."""
        if encoding in ("string", "bytes"):
            self.stretch(present)
        elif encoding in ("int", "long"):
            self.integer(present)
        elif encoding != "null":
            size = {"boolean": 1, "float": 4, "double": 8}[encoding]
            self.position = self.position + (size if present is None else present * np.int64(size))

    def values(self, encoding: str, field: Field, present: Mask | None, wanted: bool) -> Array | None:
        """Read a column that is no text; may be None when it is not wanted."""
        if field.kind is Kind.DECIMAL:
            return self._decimal(field, present, wanted)
        if encoding in ("int", "long"):
            values = self.integer(present)
            if field.kind is Kind.TIMESTAMP:
                self.left |= (values < FIRST_MS) | (values > LAST_MS)
            return values.astype(np.float64) if field.kind is Kind.DOUBLE else values
        if not wanted:
            self.skip(encoding, present)
            return None
        if encoding == "boolean":
            truth: Mask = (self._wide(present, 1) & np.uint64(0xFF)) != 0
            return truth
        if encoding == "float":
            return self._wide(present, 4).astype(np.uint32).view(np.float32).astype(np.float64)
        return self._wide(present, 8).view(np.float64)

    def _decimal(self, field: Field, present: Mask | None, wanted: bool) -> Array | None:
        start, length = self.stretch(present)
        longest = length.max(initial=0)
        if longest > 8:
            self.left |= length > 8
        if not wanted and longest <= field.sure_bytes:
            return None
        size = np.minimum(length, 8)
        # Two's complement, big end first: shifted down from the top, so that the sign spreads.
        value = self.words[start].byteswap().view(np.int64) >> (64 - 8 * np.maximum(size, 1))
        value *= size > 0
        if longest > field.sure_bytes:
            self.left |= (value > field.largest) | (value < -field.largest)
        return value
