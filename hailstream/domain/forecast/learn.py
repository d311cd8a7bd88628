"""Profiles of the week out of history.

A few weeks say little of a zone's quarter hour alone, so each estimate leans on a coarser
one: the zone's quarter of the week on its quarter of a working day or weekend day, that on
the same with its neighbours taken together, that on the zone's mean and the city's day. What
an estimate leans on counts like a number of starts of its own (the mean of a gamma prior and
Poisson counts), so that busy zones outweigh it soon: a quarter that stands out from its
neighbours each day is learned as such where there are trips enough to tell it from chance.
Recent weeks count more. The constants were chosen on green taxis of 1 to 21 January 2024; see
docs/forecast.md.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.profile import DIGITS, Profile, ZoneProfile
from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_DAY, QUARTERS_A_WEEK, quarters_of_week
from hailstream.errors import HailstreamError

#: After so many weeks history counts half.
HALF_LIFE_WEEKS: Final = 4.0
#: Widths of the kernels over the quarters of the week and of the day, as standard deviations in quarters.
WEEK_WIDTH: Final = 4.0
DAY_WIDTH: Final = 3.0
#: Starts that the coarser estimate counts for: in the city's day and week; in the zone's smooth day; in
#: each quarter of the zone's day; in the zone's week.
CITY_STARTS: Final = 1.0
SMOOTH_DAY_STARTS: Final = 1.0
DAY_STARTS: Final = 20.0
WEEK_STARTS: Final = 40.0
#: The least to learn from: a week, holes not counted.
LEAST_QUARTERS: Final = QUARTERS_A_WEEK

_WORKING_DAYS: Final = 5
_WEEK_DAYS: Final = 7

Floats: TypeAlias = "npt.NDArray[np.float64]"


def learn(history: History) -> Profile:
    """The profiles of the zones of a history that have starts in it.

    Raises:
        HailstreamError: it is shorter than a week, holes not counted.
    """
    observed = history.observed
    if (told := int(observed.sum())) < LEAST_QUARTERS:
        raise HailstreamError(
            f"too short a history to learn a week from: {told / QUARTERS_A_DAY:.1f} days with starts",
            hint="7 days are the least; let the job zone_counts run on, or replay more",
        )
    # A zone without starts in this part of the history has no profile, like one that was never seen.
    seen = history.counts.any(axis=1)
    zones = [zone_id for zone_id, is_seen in zip(history.zones, seen, strict=True) if is_seen]
    starts, quarters = _by_week(history, history.counts[seen], observed)
    usual = np.round(_usual(starts, quarters), DIGITS)
    span = {"learned_from": history.first * QUARTER_MS, "learned_until": history.end * QUARTER_MS}
    revision = _revision(span["learned_until"], zones, usual)
    return Profile(
        ZoneProfile(zone_id=zone_id, revision=revision, usual=tuple(week), **span)
        for zone_id, week in zip(zones, usual.tolist(), strict=True)
    )


def _by_week(history: History, counts: npt.NDArray[Any], observed: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Starts [zone, quarter of the week], and how many quarters they are of [quarter of the week], both weighted."""
    length = len(observed)
    weights = observed * 0.5 ** ((length - 1 - np.arange(length)) / QUARTERS_A_WEEK / HALF_LIFE_WEEKS)
    week = quarters_of_week(history.first, length)
    starts, quarters = np.zeros((QUARTERS_A_WEEK, len(counts))), np.zeros(QUARTERS_A_WEEK)
    np.add.at(starts, week, (counts * weights).T)
    np.add.at(quarters, week, weights)
    return starts.T, quarters


def _usual(starts: Floats, quarters: Floats) -> Floats:
    """Mean starts [zone, quarter of the week]."""
    city = starts.sum(axis=0)
    zone_mean = starts.sum(axis=1, keepdims=True) / quarters.sum()
    by_day = _days(quarters)
    city_day = _leaning(_days(city), by_day, np.full((1, 1), zone_mean.sum()), CITY_STARTS, DAY_WIDTH)
    smooth_day = _leaning(
        _days(starts), by_day, zone_mean[:, :, None] * city_day / zone_mean.sum(), SMOOTH_DAY_STARTS, DAY_WIDTH
    )
    day = _week(_leaning(_days(starts), by_day, smooth_day, DAY_STARTS))
    # Which working day it is shows in the city long before it does in a zone.
    all_days = day.sum(axis=0)
    city_week = _leaning(city, quarters, all_days, CITY_STARTS, WEEK_WIDTH)
    return _leaning(starts, quarters, day * city_week / all_days, WEEK_STARTS, WEEK_WIDTH)


def _leaning(
    starts: Floats, quarters: Floats, prior: Floats, prior_starts: float, width: float | None = None
) -> Floats:
    """Starts over quarters along the last axis, leaning on ``prior`` as if it had ``prior_starts``.

    What happened over what ``prior`` would have is taken together with neighbours by a Gaussian kernel of
    that width, so that what is sharp in ``prior`` stays sharp.
    """
    usual = quarters * prior
    if width is not None:
        kernel = _kernel(starts.shape[-1], width)
        # As many quarters as the kernel brings together (the square of its sum over its sum of squares).
        together = 2 * math.sqrt(math.pi) * width
        starts, usual = starts @ kernel * together, usual @ kernel * together
    estimate: Floats = prior * (starts + prior_starts) / (usual + prior_starts)
    return estimate


def _kernel(length: int, width: float) -> Floats:
    """Gaussian weights [from, to] on a circle, each column of sum 1."""
    apart = np.abs(np.arange(length)[:, None] - np.arange(length))
    weights = np.exp(-0.5 * (np.minimum(apart, length - apart) / width) ** 2)
    kernel: Floats = weights / weights.sum(axis=0)
    return kernel


def _days(week: Floats) -> Floats:
    """[..., quarter of the week] summed to [..., working day or weekend, quarter of the day]."""
    days = week.reshape(*week.shape[:-1], _WEEK_DAYS, QUARTERS_A_DAY)
    sums: Floats = np.stack(
        [days[..., :_WORKING_DAYS, :].sum(axis=-2), days[..., _WORKING_DAYS:, :].sum(axis=-2)], axis=-2
    )
    return sums


def _week(days: Floats) -> Floats:
    """[..., working day or weekend, quarter of the day] laid out as [..., quarter of the week]."""
    laid = np.repeat(days, [_WORKING_DAYS, _WEEK_DAYS - _WORKING_DAYS], axis=-2)
    return laid.reshape(*days.shape[:-2], QUARTERS_A_WEEK)


def _revision(until: int, zones: list[int], usual: Floats) -> str:
    """The end of the history and a digest of what was learned: equal learnings have equal revisions."""
    digest = hashlib.sha256(repr(zones).encode() + usual.tobytes()).hexdigest()[:8]
    return f"{datetime.fromtimestamp(until / 1000, UTC):%Y-%m-%dT%H:%MZ}-{digest}"
