from __future__ import annotations

import numpy as np
import pytest

from hailstream.domain.geo import great_circle_miles


def test_the_distance_of_two_airports_is_the_known_one() -> None:
    jfk, newark = (40.6413, -73.7781), (40.6895, -74.1745)
    assert great_circle_miles(*jfk, *newark) == pytest.approx(21.05, abs=0.1)


def test_a_degree_of_latitude_is_as_long_everywhere_and_the_antipodes_are_half_the_globe_away() -> None:
    degrees = great_circle_miles(np.array([0.0, 40.0, 89.0]), 10.0, np.array([1.0, 41.0, 90.0]), 10.0)
    assert degrees == pytest.approx([69.09] * 3, abs=0.01)
    assert great_circle_miles(0, 0, 0, 180) == pytest.approx(12_436.8, abs=1)


def test_an_unknown_coordinate_gives_no_distance() -> None:
    miles = great_circle_miles(np.array([40.0, np.nan]), -74.0, 40.0, -74.0)
    assert miles[0] == 0
    assert np.isnan(miles[1])
