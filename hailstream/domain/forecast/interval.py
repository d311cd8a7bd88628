"""How far from a forecast the count may be.

A count is taken to follow the negative binomial distribution: a Poisson count whose
rate is itself uncertain, with variance ``m + d m²`` for mean ``m`` and dispersion
``d`` (Hilbe, Negative Binomial Regression, 2011, the form called NB2). ``d`` comes
from the errors that the zone's forecasts made lately.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

#: Share of the counts that an interval is meant to hold, at least; a tenth may lie on either side.
COVERAGE: Final = 0.8
_TAIL: Final = (1 - COVERAGE) / 2

#: Dispersion where errors say nothing yet, and what it weighs in squared expected starts: about
#: what a day of three starts a quarter hour does. Both fitted to green taxis of 1 to 21 January 2024.
USUAL_DISPERSION: Final = 0.1
USUAL_WEIGHT: Final = 1000.0

# Beyond these many standard deviations there is nothing to speak of; with much dispersion the
# upper tail is that of an exponential distribution of mean ``d m``.
_BELOW: Final = 8.0
_ABOVE: Final = 12.0


def dispersions(expected: npt.NDArray[Any], actual: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The dispersion in each row of forecasts and what came of them, both of one shape.

    By moments, shrunk towards ``USUAL_DISPERSION``. Where ``expected`` is NaN there was no forecast.
    """
    made = ~np.isnan(expected)
    mean = np.where(made, expected, 0.0)
    excess = np.where(made, (actual - mean) ** 2 - mean, 0.0).sum(axis=1)
    weight = (mean**2).sum(axis=1)
    found: npt.NDArray[np.float64] = (USUAL_DISPERSION * USUAL_WEIGHT + excess) / (USUAL_WEIGHT + weight)
    return found.clip(min=0.0)


@lru_cache(maxsize=1 << 16)
def interval(expected: float, dispersion: float) -> tuple[float, float]:
    """The counts that bound the interval, both within it.

    Args:
        expected: mean count, not negative.
        dispersion: not negative; 0 is Poisson.

    Returns:
        the smallest counts that are not exceeded in a tenth and in nine tenths of all cases.
    """
    if expected <= 0:
        return 0.0, 0.0
    deviation = math.sqrt(expected + dispersion * expected**2)
    first = max(0, math.floor(expected - _BELOW * deviation))
    counts = np.arange(first, expected + _ABOVE * (1 + deviation + dispersion * expected))
    # Each probability over the one before it, as logarithms: those at the ends are below any float.
    ratios = expected * (1 + dispersion * (counts[1:] - 1)) / (counts[1:] * (1 + dispersion * expected))
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    below = np.cumsum(np.exp(logs - logs.max()))
    low, high = np.searchsorted(below, [_TAIL * below[-1], (1 - _TAIL) * below[-1]])
    return float(counts[low]), float(counts[high])
