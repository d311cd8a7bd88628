"""Fares that are not as they should be, and by how much."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Cents: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

#: Rate code of a fare that driver and passenger agreed on: no card denies it.
AGREED: Final = 5
#: Logarithm of the simulated city's usual fare over the meter's in the middle between the
#: fewest and the most units; measured over 76 zones of an evening, which differ by 0.01.
USUAL: Final = -0.136
#: The least standard deviation that fares of a zone are taken to have, as a logarithm.
_SIGMA: Final = 0.1
_LARGEST = 480_00  # within the bound of fares
_WITHIN, _JUST_ABOVE, _BETWEEN = 0.3, 0.5, 0.7  # cumulated shares


def off_card(fare: Cents, top: Cents, unit: Cents, flat: npt.NDArray[np.bool_], chance: Floats) -> tuple[Cents, Floats]:
    """Other fares, and how far they are from one that the card gives, in cents: 0 for those that it still gives.

    Args:
        fare: the honest one.
        top: the highest that the card gives with its tolerance.
        unit: of the meter.
        flat: whether the card gives one fare only.
        chance: 0 to below 1, decides what is done.
    """
    asked = np.maximum(top, fare) * (1.5 + 1.5 * chance)
    # 13 cents: no count of units gives that either.
    far = np.maximum(np.minimum(asked.astype(np.int64) // 100 * 100 + 13, _LARGEST + 13), np.maximum(top, fare) + 13)
    steps = 1 + (chance * 1000).astype(np.int64) % 3
    ways = [flat | (chance >= _BETWEEN), chance < _WITHIN, chance < _JUST_ABOVE]
    other = np.select(ways, [far, np.maximum(top - (steps - 1) * unit, fare), top + steps * unit], fare + 13)
    size = np.select(ways, [far - np.where(flat, fare, top), 0, steps * unit], 13)
    return other, size.astype(np.float64)


def standing_out(middle: Floats, size: Floats) -> tuple[Cents, Floats]:
    """Fares that differ from the usual by so many least standard deviations, and by how many when rounded.

    Args:
        middle: what the meter would show with units in the middle, cents.
        size: asked.
    """
    usual = middle * np.exp(USUAL)
    fare = np.clip(np.rint(usual * np.exp(_SIGMA * size)), 1, _LARGEST).astype(np.int64)
    return fare, np.log(fare / usual) / _SIGMA
