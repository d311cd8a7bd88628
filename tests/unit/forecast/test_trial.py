"""How a history is cut, what is forecast at each origin, and how it is judged."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import pytest

from hailstream.domain.clock import parse_time, to_wall_clock
from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.learn import learn
from hailstream.errors import HailstreamError
from hailstream.forecast.contenders import OURS, naive, ours, seasonal_naive
from hailstream.forecast.scores import chance_wape, judge, wape
from hailstream.forecast.trial import Predictions, Trial, cut
from tests.unit.forecast.quarters import MONDAY, drawn, rhythm

# Busy enough that no hour of its nights is silent by chance.
TRUE = {7: rhythm(0.5, 40), 74: rhythm(40.0, 70)}
HISTORY = drawn(TRUE, weeks=3)


def test_the_split_is_a_midnight_in_new_york() -> None:
    trial = cut(HISTORY, None)
    assert to_wall_clock(trial.moment(trial.split)) == datetime(2024, 1, 22)
    assert trial.split == trial.train.counts.shape[1] == 2 * 672


def test_origins_are_all_quarters_with_an_hour_after_them() -> None:
    trial = cut(HISTORY, parse_time("2024-01-25"))
    assert trial.origins.tolist() == list(range(17 * 96, 21 * 96 - 3))
    assert trial.actual(60)[1, 0] == HISTORY.counts[1, 17 * 96 : 17 * 96 + 4].sum()
    assert trial.actual(15)[1, -1] == HISTORY.counts[1, -4]


def test_sparse_origins_end_where_all_do() -> None:
    trial = cut(HISTORY, parse_time("2024-01-25"), every=7)
    assert trial.origins[-1] == 21 * 96 - 4
    assert set(np.diff(trial.origins)) == {7}
    assert trial.origins[0] >= trial.split


def test_nothing_is_judged_in_a_hole_of_the_record() -> None:
    counts = HISTORY.counts.copy()
    counts[:, 1800:1810] = 0
    trial = cut(History(HISTORY.zones, HISTORY.first, counts), None)
    assert set(range(2 * 672, 21 * 96 - 3)) - set(trial.origins.tolist()) == set(range(1797, 1810))


@pytest.mark.parametrize(
    ("until", "says"),
    [
        ("2024-01-14T23:45", r"7\.0 days are before"),
        ("2024-01-28T00:15", r"1\.0 after"),
        ("2020-01-01", r"0\.0 days are before"),
        ("2030-01-01", r"0\.0 after"),
    ],
)
def test_too_short_a_history_is_refused_and_says_what_there_is(until: str, says: str) -> None:
    with pytest.raises(HailstreamError, match=says) as refused:
        cut(HISTORY, parse_time(until))
    assert "2024-01-08 00:00 to 2024-01-29 00:00" in refused.value.message
    assert "--train-until" in refused.value.hint


def test_origins_that_all_lie_in_holes_are_refused() -> None:
    counts = HISTORY.counts.copy()
    counts[:, -6:-1] = 0
    with pytest.raises(HailstreamError, match="no quarter hour") as refused:
        cut(History(HISTORY.zones, HISTORY.first, counts), parse_time("2024-01-27"), every=500)
    assert "--every-quarters" in refused.value.hint


def test_the_simple_forecasts_repeat_what_was() -> None:
    trial = cut(HISTORY, None)
    origin = int(trial.origins[5])
    counts = HISTORY.counts[1]
    last, week = naive(trial), seasonal_naive(trial)
    assert (last.expected[15][1, 5], last.expected[60][1, 5]) == (counts[origin - 1], counts[origin - 4 : origin].sum())
    assert week.expected[15][1, 5] == counts[origin - 672]
    assert week.expected[60][1, 5] == counts[origin - 672 : origin - 668].sum()


def test_no_forecast_knows_what_comes_after_it() -> None:
    """Other starts from some origin on change no forecast made up to then."""
    trial = cut(HISTORY, None)
    at = 300
    changed = HISTORY.counts.copy()
    changed[:, trial.origins[at] :] = 50
    other = Trial(History(HISTORY.zones, HISTORY.first, changed), trial.split)
    profile = learn(trial.train)
    assert np.array_equal(learn(other.train).usual(74), profile.usual(74))
    for one, two in ((ours(trial, profile), ours(other, profile)), (naive(trial), naive(other))):
        for minutes in (15, 60):
            assert np.array_equal(one.expected[minutes][:, : at + 1], two.expected[minutes][:, : at + 1])
            assert not np.array_equal(one.expected[minutes][:, at + 5 :], two.expected[minutes][:, at + 5 :])


def test_on_counts_drawn_at_random_ours_is_near_the_least_error_there_can_be() -> None:
    trial = cut(drawn(TRUE, weeks=6), None)
    group = judge(trial, "all", np.arange(2), [ours(trial, learn(trial.train)), naive(trial), seasonal_naive(trial)])
    truth = np.tile(TRUE[74], 6)[trial.origins]
    best = {15: np.abs(truth - trial.actual(15)[1]).sum() / trial.actual(15)[1].sum()}
    busy = judge(trial, "busy", trial.busiest(1), [ours(trial, learn(trial.train)), seasonal_naive(trial)])
    assert best[15] <= busy.wape[OURS][15] < 1.1 * best[15]
    assert group.beaten() == {15: True, 60: True}
    for minutes in (15, 60):
        whole, large = group.coverage[minutes]
        assert whole is not None
        assert large is not None
        assert whole.held >= large.held == pytest.approx(0.84, abs=0.06)
        assert whole.held + whole.below + whole.above == pytest.approx(1.0)


def test_busiest_zones_are_those_before_the_split() -> None:
    counts = HISTORY.counts.copy()
    counts[0, 2 * 672 :] = 1000
    assert cut(History((7, 74), MONDAY, counts), None).busiest(2).tolist() == [1, 0]


def test_a_model_that_did_not_forecast_all_zones_is_not_judged_on_them() -> None:
    trial = cut(HISTORY, None)
    exact = {minutes: trial.actual(minutes)[[1]].astype(float) for minutes in (15, 60)}
    models = [ours(trial, learn(trial.train)), seasonal_naive(trial), Predictions("exact", exact, np.array([1]))]
    assert "exact" not in judge(trial, "all", np.arange(2), models).wape
    busy = judge(trial, "busy", np.array([1]), models)
    assert busy.wape["exact"] == {15: 0.0, 60: 0.0}


def test_ours_can_be_beaten() -> None:
    """A city that does something else each day but the same each week is what the last week says best."""
    rng = np.random.default_rng(6)
    week = rng.integers(0, 2, 672) * 30
    trial = cut(History((74,), MONDAY, np.tile(week, 3)[None]), None)
    group = judge(trial, "all", np.arange(1), [ours(trial, learn(trial.train)), seasonal_naive(trial)])
    assert group.beaten() == {15: False, 60: False}


def test_the_error_is_a_share_of_the_starts() -> None:
    assert wape(np.array([1.0, 2.0]), np.array([2, 2])) == 0.25
    assert math.isnan(wape(np.array([1.0]), np.array([0])))


def test_chance_alone_is_the_mean_deviation_of_poisson_counts() -> None:
    rng = np.random.default_rng(7)
    for mean in (0.05, 0.9, 1.0, 3.7, 250.0):
        drawn_counts = rng.poisson(mean, 400_000)
        assert chance_wape(np.full(3, mean)) == pytest.approx(np.abs(drawn_counts - mean).mean() / mean, rel=0.01)
    assert math.isnan(chance_wape(np.zeros(2)))
