"""Rows become a history, and holes in the record are told from quiet nights."""

from __future__ import annotations

import numpy as np
import pytest

from hailstream.domain.forecast.history import END_QUARTERS, History, history_of, main_stretch


def test_rows_are_laid_out_by_zone_and_quarter_and_added() -> None:
    zones, quarters, starts = np.array([75, 7, 75, 75]), np.array([102, 100, 102, 104]), np.array([1, 5, 2, 4])
    history = history_of(zones, quarters, starts)
    assert (history.zones, history.first, history.end) == ((7, 75), 100, 105)
    assert history.counts.tolist() == [[5, 0, 0, 0, 0], [0, 0, 3, 0, 4]]


def test_a_part_keeps_the_zones() -> None:
    history = History((7, 75), 100, np.arange(10).reshape(2, 5))
    part = history.between(101, 103)
    assert (part.zones, part.first, part.counts.tolist()) == ((7, 75), 101, [[1, 2], [6, 7]])


def test_no_rows_are_no_history() -> None:
    nothing = np.empty(0, np.int64)
    with pytest.raises(ValueError, match="no rows"):
        history_of(nothing, nothing, nothing)


BUSY = 500
#: 1.25 starts a quarter: a tenth of it gives ten in 80 quarters, more than a hole can be long.
QUIET = 1.25


@pytest.mark.parametrize(("mean", "hole"), [(BUSY, 4), (20, 5), (10, 10), (QUIET, END_QUARTERS), (0, END_QUARTERS)])
def test_how_long_a_silence_is_a_hole_depends_on_the_city(mean: float, hole: int) -> None:
    """A silence that is one quarter shorter is a quiet night."""
    for silent, is_hole in ((hole - 1, False), (hole, True)):
        city = np.concatenate([[1], np.zeros(silent), [1], np.zeros(200)])
        city[0] = max(mean * len(city) - 1, 1)
        observed = History((7, 75), 0, np.stack([city, np.zeros(len(city))])).observed
        assert observed[0]
        assert observed[silent + 1]
        assert observed[1 : silent + 1].tolist() == [not is_hole] * silent
        assert not observed[silent + 2 :].any(), "what follows the last start is not known"


def test_nothing_is_observed_of_a_city_without_starts() -> None:
    assert not History((7,), 0, np.zeros((1, 5))).observed.any()


def test_strays_of_other_days_are_not_of_the_stretch() -> None:
    days = np.arange(5_000, 5_000 + 300)
    strays = [-200_000, 5_000 - END_QUARTERS - 1, 5_299 + END_QUARTERS + 1, 99_999, 99_999]
    assert main_stretch(np.concatenate([days, strays, days[:100]])) == (5_000, 5_300)


def test_the_stretch_with_most_rows_counts_and_not_the_longest() -> None:
    long, busy = np.arange(0, 100), np.repeat(np.arange(1_000, 1_020), 10)
    assert main_stretch(np.concatenate([busy, long])) == (1_000, 1_020)


def test_quiet_hours_do_not_end_a_stretch() -> None:
    assert main_stretch(np.array([0, END_QUARTERS, 2 * END_QUARTERS])) == (0, 2 * END_QUARTERS + 1)
