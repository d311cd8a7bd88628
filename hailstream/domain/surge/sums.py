"""What happened in a zone in one minute."""

from __future__ import annotations

from typing import NamedTuple


class ZoneSums(NamedTuple):
    """Sums of one zone and one minute.

    Attributes:
        starts: trips that began in the zone.
        ends: trips that ended in it.
        driven_ends: those of them whose driver is known.
        idle: by how many the idle taxis of the zone became more; negative when they became fewer.
    """

    starts: int
    ends: int
    driven_ends: int
    idle: int

    def __add__(self, other: object) -> ZoneSums:
        """The sums of two parts of the zone's events."""
        if not isinstance(other, ZoneSums):
            return NotImplemented
        return ZoneSums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))
