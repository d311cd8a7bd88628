from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.domain.rules import BOUNDS, REVENUE_BOUNDS, Bound

EVERY = [BOUNDS.distance, BOUNDS.fare, BOUNDS.passengers, BOUNDS.latitude, BOUNDS.longitude, BOUNDS.duration]


@pytest.mark.parametrize("bound", EVERY, ids=lambda bound: bound.reason)
def test_both_ends_of_a_bound_are_allowed_and_the_next_number_is_not(bound: Bound) -> None:
    assert not bound.outside(bound.low)
    assert not bound.outside(bound.high)
    assert bound.outside(math.nextafter(bound.low, -math.inf))
    assert bound.outside(math.nextafter(bound.high, math.inf))


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(2**53), 2**53)), max_size=30), st.sampled_from(EVERY))
def test_a_column_gets_the_answers_that_its_values_get(values: list[float | None], bound: Bound) -> None:
    known = np.array([value is not None for value in values], np.bool_)
    column = np.array([0.0 if value is None else float(value) for value in values])
    assert bound.outside_column(column, known).tolist() == [bound.outside(value) for value in values]


def test_what_is_not_known_is_not_outside_but_nan_and_infinity_are() -> None:
    for bound in EVERY:
        assert not bound.outside(None)
        assert all(bound.outside(value) for value in (math.nan, math.inf, -math.inf))
        assert bound.outside_column(np.array([np.nan, np.inf]), np.array([False, False])).tolist() == [False, False]


def test_a_row_is_marked_with_every_bound_it_leaves() -> None:
    marks = BOUNDS.marks(distance=100.01, fare=500_01, passengers=0, latitude=40.7, longitude=None, duration=0.5)
    assert marks == ("distance_outside", "fare_outside", "passengers_outside", "duration_outside")
    assert BOUNDS.marks(distance=0, fare=0, passengers=9, duration=480) == ()
    assert set(marks) < set(BOUNDS.reasons)


def test_the_bounds_of_amounts_are_fare_distance_and_duration() -> None:
    assert {bound.reason for bound in REVENUE_BOUNDS} == {"distance_outside", "fare_outside", "duration_outside"}


def test_a_misspelt_bound_is_refused() -> None:
    with pytest.raises(TypeError, match="fares"):
        BOUNDS.marks(fares=3)
