"""Zones told quarter by quarter, and weeks made up for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from hailstream.domain.forecast.forecast import Forecast, ZoneForecast
from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.profile import Profile, ZoneProfile
from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_WEEK

#: Monday 2024-01-08 00:00 in New York.
MONDAY: Final = 1_704_690_000_000 // QUARTER_MS
MINUTE: Final = 60_000
NOTHING: Final = Profile.empty()


def end_of(quarter: int) -> int:
    """When a quarter after Monday's first ends, ms."""
    return (MONDAY + quarter + 1) * QUARTER_MS


def tell(
    fold: Forecast, starts: Sequence[Mapping[int, int]], profile: Profile = NOTHING, first: int = 0
) -> list[ZoneForecast]:
    """Quarters from ``first`` on, each as the minute that ends it; those without starts are not told but the last."""
    forecasts = []
    for number, counts in enumerate(starts):
        if counts or number == len(starts) - 1:
            forecasts += fold.minute(end_of(first + number), counts, profile)
    return forecasts


def zone_profile(zone_id: int = 74, usual: float | Sequence[float] = 4.0, revision: str = "r1") -> ZoneProfile:
    """The same starts in each quarter, or those given."""
    week = (usual,) * QUARTERS_A_WEEK if isinstance(usual, float) else tuple(usual)
    return ZoneProfile(zone_id=zone_id, revision=revision, learned_from=0, learned_until=QUARTER_MS, usual=week)


def rhythm(mean: float, peak: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A week whose days swing about ``mean`` with their top at quarter ``peak``, weekends at half."""
    quarters = np.arange(QUARTERS_A_WEEK)
    days = mean * (1 + 0.8 * np.cos((quarters - peak) * 2 * np.pi / 96))
    swing: np.ndarray[tuple[int], np.dtype[np.float64]] = days * np.where(quarters < 5 * 96, 1.0, 0.5)
    return swing


def drawn(means: Mapping[int, np.ndarray[tuple[int], np.dtype[np.float64]]], weeks: int, seed: int = 1) -> History:
    """Poisson counts of some weeks from Monday on."""
    rng = np.random.default_rng(seed)
    counts = np.stack([rng.poisson(np.tile(week, weeks)) for week in means.values()])
    return History(tuple(means), MONDAY, counts)
