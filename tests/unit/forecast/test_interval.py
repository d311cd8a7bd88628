"""The interval is that of the distribution, summed up here in another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hailstream.domain.forecast.interval import COVERAGE, USUAL_DISPERSION, dispersions, interval


def chance(count: int, mean: float, dispersion: float) -> float:
    """Of one count, by gamma functions."""
    if dispersion < 1e-9:
        return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
    size = 1 / dispersion
    logs = math.lgamma(count + size) - math.lgamma(size) - math.lgamma(count + 1)
    return math.exp(logs + size * math.log(size / (size + mean)) + count * math.log(mean / (size + mean)))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 300), st.one_of(st.just(0.0), st.floats(0.001, 3)))
@example(136.5, 2.8125)
def test_a_tenth_lies_on_either_side_at_most(mean: float, dispersion: float) -> None:
    low, high = interval(mean, dispersion)
    assert low == int(low) >= 0
    assert low <= high == int(high)
    below = math.fsum(chance(count, mean, dispersion) for count in range(int(low)))
    up_to = below + math.fsum(chance(count, mean, dispersion) for count in range(int(low), int(high) + 1))
    assert below <= 0.1 + 1e-6
    assert up_to >= 0.9 - 1e-6
    # And it is no wider than it must be.
    assert below + chance(int(low), mean, dispersion) >= 0.1 - 1e-6
    assert high == 0 or up_to - chance(int(high), mean, dispersion) <= 0.9 + 1e-6


def test_large_counts_are_close_to_a_normal_distribution() -> None:
    low, high = interval(250_000.0, 0.0)
    assert (low, high) == (pytest.approx(250_000 - 1.2816 * 500, abs=1), pytest.approx(250_000 + 1.2816 * 500, abs=1))


def test_where_nothing_is_expected_nothing_is_the_interval() -> None:
    assert interval(0.0, 0.1) == (0.0, 0.0)


def test_more_dispersion_is_a_wider_interval() -> None:
    widths = [high - low for low, high in (interval(40.0, dispersion) for dispersion in (0.0, 0.05, 0.2, 1.0))]
    assert widths == sorted(set(widths))


def test_the_dispersion_of_many_errors_is_found() -> None:
    rng = np.random.default_rng(3)
    mean = np.full((2, 4000), 20.0)
    came = np.stack([rng.poisson(20.0, 4000), rng.negative_binomial(1 / 0.4, 1 / (1 + 0.4 * 20), 4000)])
    calm, wild = dispersions(mean, came)
    assert calm == pytest.approx(0.0, abs=0.01)
    assert wild == pytest.approx(0.4, rel=0.15)


def test_without_forecasts_the_usual_dispersion_is_taken() -> None:
    nothing = np.full((1, 96), np.nan)
    assert dispersions(nothing, np.ones((1, 96), np.int64))[0] == USUAL_DISPERSION


def test_counts_drawn_with_the_dispersion_lie_within_as_often_as_meant() -> None:
    rng = np.random.default_rng(4)
    low, high = interval(60.0, 0.15)
    drawn = rng.negative_binomial(1 / 0.15, 1 / (1 + 0.15 * 60), 20_000)
    assert ((drawn >= low) & (drawn <= high)).mean() == pytest.approx(COVERAGE, abs=0.02)
