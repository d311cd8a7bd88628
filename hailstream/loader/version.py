"""The version of a row: of the rows with one key, the highest is the truth.

::

    63         48 47        40 39     32 31                     0
    ┌────────────┬────────────┬─────────┬────────────────────────┐
    │ generation │ authority  │  epoch  │  offset                │
    └────────────┴────────────┴─────────┴────────────────────────┘

* **generation** of the metric's definition: a new definition outranks
  everything that was computed by the old one.
* **authority**: what batch recomputed outranks what the stream said.
* **sequence**, 40 bits: for a stream row the topic's epoch and the offset of
  its message. A key is always in the same partition, so offsets order the
  versions of a key; a job that replays with the same generation appends at
  higher offsets and so replaces what it wrote before. For a batch row the
  number of the run.
* **epoch**: 0 for the first incarnation of the topic that a sink has seen; a
  topic that was deleted and made anew starts again at offset 0 and gets the
  next epoch. Each sink keeps the epochs beside its rows, by the broker's id of
  the topic, so that both are lost or restored together.
"""

from __future__ import annotations

from enum import IntEnum

import polars as pl

from hailstream.errors import HailstreamError

GENERATION_BITS, AUTHORITY_BITS, EPOCH_BITS, OFFSET_BITS = 16, 8, 8, 32
SEQUENCE_BITS = EPOCH_BITS + OFFSET_BITS
MAX_EPOCH = 2**EPOCH_BITS - 1
MAX_OFFSET = 2**OFFSET_BITS - 1


class Authority(IntEnum):
    """Who computed a row."""

    STREAM = 0
    BATCH = 1


def pack(generation: int, authority: Authority, sequence: int) -> int:
    """The version made of its three parts.

    Raises:
        ValueError: a part does not fit its bits.
    """
    if not 0 <= generation < 2**GENERATION_BITS:
        raise ValueError(f"generation {generation} is not in 0..{2**GENERATION_BITS - 1}")
    if not 0 <= sequence < 2**SEQUENCE_BITS:
        raise ValueError(f"sequence {sequence} is not in 0..{2**SEQUENCE_BITS - 1}")
    return generation << (AUTHORITY_BITS + SEQUENCE_BITS) | authority << SEQUENCE_BITS | sequence


def stream_sequence(topic: str, epoch: int, offset: int) -> int:
    """The sequence of the message at ``offset``.

    Raises:
        HailstreamError: the topic was made anew too often, or has grown too long.
    """
    if not 0 <= epoch <= MAX_EPOCH:
        raise HailstreamError(
            f"topic {topic} was deleted and made anew more than {MAX_EPOCH} times",
            hint="raise HAILSTREAM_GENERATION, load into an empty database and replay",
        )
    if not 0 <= offset <= MAX_OFFSET:
        raise HailstreamError(
            f"topic {topic} has reached offset {offset}, versions can tell apart {MAX_OFFSET + 1}",
            hint="delete the topic when it is loaded and make it anew: it then counts from 0 in the next epoch",
        )
    return epoch << OFFSET_BITS | offset


def stream_versions(topic: str, epoch: int, generations: pl.Series, offsets: pl.Series) -> pl.Series:
    """The versions of many stream rows, UInt64.

    Args:
        generations: one for each row, 0..65535.
        offsets: one for each row.

    Raises:
        HailstreamError: as :func:`stream_sequence`.
    """
    if len(offsets) == 0:
        return pl.Series("version", [], dtype=pl.UInt64)
    stream_sequence(topic, epoch, int(offsets.max()))  # type: ignore[arg-type]
    base = pack(0, Authority.STREAM, epoch << OFFSET_BITS)
    shifted = generations.cast(pl.UInt64) * (1 << (AUTHORITY_BITS + SEQUENCE_BITS))
    return (shifted + offsets.cast(pl.UInt64) + base).alias("version")


def generation_sql(version: str = "version") -> str:
    """ClickHouse's expression of a version's generation."""
    return f"toInt32(bitShiftRight({version}, {AUTHORITY_BITS + SEQUENCE_BITS}))"


def authority_sql(version: str = "version") -> str:
    """The same of its authority."""
    return f"bitAnd(bitShiftRight({version}, {SEQUENCE_BITS}), {2**AUTHORITY_BITS - 1})"
