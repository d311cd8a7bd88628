"""The vectorised conversion follows the rule of `hailstream.domain.clock` in every hour."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from hailstream.domain.clock import to_utc as by_rule
from hailstream.replay.values import to_utc


@pytest.mark.parametrize("year", [2007, 2009, 2013, 2016, 2019, 2020, 2024, 2025])
def test_every_quarter_hour_of_a_year_is_converted_by_the_rule(year: int) -> None:
    quarters = [datetime(year, 1, 1) + timedelta(minutes=15 * i) for i in range(366 * 96)]
    frame = pl.DataFrame({"wall": pl.Series(quarters, dtype=pl.Datetime("ms"))})
    assert frame.select(to_utc("wall")).to_series().to_list() == [by_rule(quarter) for quarter in quarters]


def test_the_two_hours_are_among_them() -> None:
    walls = [datetime(2013, 11, 3, 1, 30), datetime(2013, 3, 10, 2, 30)]
    frame = pl.DataFrame({"wall": pl.Series(walls, dtype=pl.Datetime("ms"))})
    converted = frame.select(to_utc("wall").dt.replace_time_zone(None)).to_series().to_list()
    assert converted == [datetime(2013, 11, 3, 5, 30), datetime(2013, 3, 10, 7, 30)]
