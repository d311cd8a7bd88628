"""A decoded batch with what its records bring along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.rows import Decoded


@dataclass(frozen=True)
class Batch:
    """Records of one topic, those of a partition in offset order.

    Attributes:
        decoded: their values.
        times: their timestamps, ms.
        partitions: that they come from.
        future: those beyond the horizon, which are no events and move no watermark.
    """

    decoded: Decoded
    times: Array
    partitions: Array
    future: Mask


class Packer(Protocol):
    """Packs the events of a batch."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Of ``COLUMN_TYPES`` that it reads."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Of the events' schema that it reads."""

    @property
    def sql_types(self) -> Mapping[str, str]:
        """Of the columns it makes, by name."""

    def pack(self, batch: Batch) -> dict[str, Array]:
        """A value for each row and column."""
