"""The text fields of many messages: checked together, made into objects where wanted."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hailstream.decode.arrays import Array, Mask


@dataclass(frozen=True)
class TextField:
    """Where the text of one field stands in each message.

    Attributes:
        start, length: in bytes; length is 0 where absent.
        present: which messages have it; None: all.
    """

    name: str
    start: Array
    length: Array
    present: Mask | None


def read_texts(
    data: bytes, texts: Sequence[TextField], decoded: Mask, ends: Array, wanted: Container[str]
) -> tuple[Mask, dict[str, tuple[Array, Mask | None]]]:
    """Check that all text is UTF-8, and make ``str`` objects of the text that is wanted.

    Objects are what costs most in decoding, so text that nobody asked for is
    only looked at, all fields of all messages in one go.

    Args:
        data: holds the messages.
        texts: in the order of their bytes.
        decoded: the messages that have text where ``texts`` says.
        ends: of the messages in ``data``; at least one message.

    Returns:
        ``decoded`` without messages of broken text, and the wanted columns.
    """
    # Every second stretch between two of these offsets is text, the others lie between.
    edges = np.empty(2 * len(ends) * len(texts) + 1, np.int64)
    edges[-1] = ends[-1]
    offsets = edges[:-1].reshape(len(ends), -1)
    for index, text_field in enumerate(texts):
        offsets[:, 2 * index] = text_field.start
        offsets[:, 2 * index + 1] = text_field.start + text_field.length
    if not decoded.all():
        left = ~decoded
        offsets[left] = ends[left, np.newaxis]
    stretches = pa.LargeStringArray.from_buffers(len(edges) - 1, pa.py_buffer(edges), pa.py_buffer(data))
    text = stretches.take(pa.array(np.arange(0, len(edges) - 1, 2)))
    if not _all_utf8(text):
        decoded = decoded & ~_broken(text).reshape(len(ends), len(texts)).any(axis=1)
    columns: dict[str, tuple[Array, Mask | None]] = {}
    for index, text_field in enumerate(texts):
        if text_field.name in wanted:
            rows = np.arange(index, len(text), len(texts))
            absent = ~decoded if text_field.present is None else ~(decoded & text_field.present)
            taken = text.take(pa.array(rows, mask=absent if absent.any() else None))
            columns[text_field.name] = taken.to_numpy(zero_copy_only=False), text_field.present
    return decoded, columns


def _all_utf8(text: pa.LargeStringArray) -> bool:
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _broken(text: pa.LargeStringArray) -> Mask:
    """Which of the texts are not UTF-8."""
    _, offset_buffer, octet_buffer = text.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64, len(text) + 1)
    octets = np.frombuffer(octet_buffer, np.uint8)
    broken = np.zeros(len(text), np.bool_)
    for index in np.unique(np.searchsorted(offsets, np.flatnonzero(octets >= 0x80), side="right") - 1):
        try:
            octets[offsets[index] : offsets[index + 1]].tobytes().decode()
        except UnicodeDecodeError:
            broken[index] = True
    return broken
