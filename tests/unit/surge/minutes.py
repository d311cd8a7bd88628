"""A zone that has been seen for long enough, and minutes told to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.price import Price
from hailstream.domain.surge.sums import ZoneSums
from hailstream.domain.surge.surge import WARM_UP_MS, Surge

MINUTE: Final = 60_000
NOON: Final = 1_709_294_400_000
ZONE: Final = 93

ONE_START: Final = ZoneSums(1, 0, 0, 0)
NOTHING: Final = ZoneSums(0, 0, 0, 0)


def warm() -> Surge:
    """Prices of ``ZONE`` after the minute that ends at noon, in which a trip began; supply is known, level near 0."""
    surge = Surge()
    surge.minute(NOON - WARM_UP_MS, {ZONE: ONE_START}, Policies())
    surge.minute(NOON, {ZONE: ONE_START}, Policies())
    return surge


def at(minute: int) -> int:
    """The end of a minute, in minutes after noon."""
    return NOON + minute * MINUTE


def prices(minutes: Sequence[ZoneSums], policies: Policies | None = None, surge: Surge | None = None) -> list[Price]:
    """The prices of ``ZONE`` in the minutes after noon."""
    told = surge or warm()
    return [
        price
        for number, sums in enumerate(minutes, 1)
        for price in told.minute(at(number), {ZONE: sums}, policies or Policies())
    ]


def multipliers(found: Sequence[Price]) -> list[int]:
    return [price.multiplier_tenths for price in found]
