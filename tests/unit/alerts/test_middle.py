"""The middle of values that come and go is numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.domain.alerts.middle import Sorted

VALUES = st.lists(st.one_of(st.floats(-5, 5), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=40)


@given(VALUES, st.data())
def test_median_and_deviation_are_those_of_all_that_are_there(values: list[float], data: st.DataObject) -> None:
    gone = data.draw(st.lists(st.sampled_from(range(len(values))), unique=True, max_size=len(values) - 1))
    found = Sorted()
    found.add(values)
    found.remove(values[place] for place in gone)
    left = np.array([value for place, value in enumerate(values) if place not in gone])
    median = found.median()
    assert len(found) == len(left)
    assert median == np.median(left)
    assert found.deviation(median) == pytest.approx(np.median(np.abs(left - median)), abs=1e-12)
