"""The mean of what is to come in a zone.

What is usual for the time of the week, times two ratios of what happened to what was usual:
that of the last 24 hours, and that of the last hour or two, which fades the further ahead
one looks. A zone without a profile is expected to go on as in its last hour, leaning on the
mean of its last 24. The constants were chosen on green taxis of 1 to 21 January 2024; see
docs/forecast.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.forecast.profile import Profile
from hailstream.domain.forecast.week import QUARTERS_A_DAY, QUARTERS_AN_HOUR, quarters_of_week

Floats: TypeAlias = "npt.NDArray[np.float64]"

#: Starts as usual that are mixed into the ratio of the day.
DAY_STARTS: Final = 20.0


@dataclass(frozen=True)
class Recent:
    """How the ratio of the last hours is taken.

    Attributes:
        half_life: quarters after which a start counts half.
        starts: as usual that are mixed into it.
        fading: what each quarter ahead leaves of its distance from 1.
    """

    half_life: float
    starts: float
    fading: float

    @property
    def weights(self) -> Floats:
        """Of the quarters of a day, the last one is 1."""
        weights: Floats = 0.5 ** (np.arange(QUARTERS_A_DAY)[::-1] / self.half_life)
        return weights

    @property
    def left(self) -> Floats:
        """Of the distance from 1 in each quarter of the next hour."""
        left: Floats = self.fading ** np.arange(QUARTERS_AN_HOUR)
        return left


WITH_PROFILE: Final = Recent(half_life=6.0, starts=8.0, fading=0.85)
#: The mean of a day says little of the hour, so the last hours say nearly all.
WITHOUT_PROFILE: Final = Recent(half_life=2.0, starts=0.5, fading=1.0)

_BOTH: Final = (WITHOUT_PROFILE, WITH_PROFILE)
_WEIGHTS: Final = np.array([recent.weights for recent in _BOTH])
_STARTS: Final = np.array([recent.starts for recent in _BOTH])
_LEFT: Final = np.array([recent.left for recent in _BOTH])


def expected_starts(
    zones: Sequence[int], counts: npt.NDArray[Any], quarter: int, profile: Profile
) -> tuple[Floats, Floats]:
    """What is to come from ``quarter`` on.

    Args:
        zones: of the rows.
        counts: starts [zone, quarter] of the quarters before, those of a day at most.
        quarter: number of the first one to come.
        profile: what is usual.

    Returns:
        mean starts [zone, quarter] in each quarter of the next hour, and for each zone the level: what
        happened lately over what was usual, as used for the first of them.
    """
    told = counts.shape[1]
    week = quarters_of_week(quarter - told, told + QUARTERS_AN_HOUR)
    usual = np.empty((len(zones), len(week)))
    known = np.zeros(len(zones), np.intp)
    for row, zone_id in enumerate(zones):
        of_week = profile.usual(zone_id)
        usual[row] = counts[row].mean() if of_week is None else of_week[week]
        known[row] = of_week is not None
    before, ahead = usual[:, :told], usual[:, told:]
    weights = _WEIGHTS[known, -told:]
    # Sums, not products of matrices: those round differently when other zones are beside.
    day = (counts.sum(axis=1) + DAY_STARTS) / (before.sum(axis=1) + DAY_STARTS)
    lately, as_usual = (counts * weights).sum(axis=1), day * (before * weights).sum(axis=1)
    recent = (lately + _STARTS[known]) / (as_usual + _STARTS[known])
    return ahead * day[:, None] * (1 + (recent[:, None] - 1) * _LEFT[known]), day * recent
