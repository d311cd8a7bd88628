"""Quarters of the week go by New York's clock."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_WEEK, quarter_of_week, quarters_of_week
from tests.unit.forecast.quarters import MONDAY


def quarter_at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000) // QUARTER_MS


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2024-01-08T05:00", 0),
        ("2024-01-08T05:14", 0),
        ("2024-01-08T05:15", 1),
        ("2024-01-08T04:59", 671),
        ("2024-07-08T04:00", 0),
        ("2024-07-12T21:30", 4 * 96 + 17 * 4 + 2),
    ],
)
def test_a_week_begins_on_monday_at_midnight_in_summer_and_winter(utc: str, expected: int) -> None:
    assert quarter_of_week(quarter_at(utc)) == expected


def test_the_hour_that_comes_twice_is_the_same_quarters_twice() -> None:
    first = quarters_of_week(quarter_at("2024-11-03T05:00"), 4)
    assert list(first) == list(quarters_of_week(quarter_at("2024-11-03T06:00"), 4))
    assert list(first) == [6 * 96 + 4 + n for n in range(4)]


def test_the_hour_that_is_left_out_is_no_quarters() -> None:
    across = quarters_of_week(quarter_at("2024-03-10T06:45"), 2)
    assert list(across) == [6 * 96 + 7, 6 * 96 + 12]


def test_a_week_has_each_quarter_once() -> None:
    assert np.array_equal(quarters_of_week(MONDAY, QUARTERS_A_WEEK), np.arange(QUARTERS_A_WEEK))
