from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.domain.clock import parse_time, to_utc, to_wall_clock
from hailstream.errors import HailstreamError

# The nights on which the clocks went back and forward.
BACK = {2009: (11, 1), 2013: (11, 3), 2016: (11, 6), 2020: (11, 1), 2024: (11, 3)}
FORWARD = {2009: (3, 8), 2013: (3, 10), 2016: (3, 13), 2020: (3, 8), 2024: (3, 10)}


@pytest.mark.parametrize("year", BACK)
def test_an_hour_that_happens_twice_means_its_first_occurrence(year: int) -> None:
    month, day = BACK[year]
    assert to_utc(datetime(year, month, day, 1, 30)) == datetime(year, month, day, 5, 30, tzinfo=UTC)
    assert to_utc(datetime(year, month, day, 2, 0)) == datetime(year, month, day, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("year", FORWARD)
def test_an_hour_that_does_not_exist_moves_forward_by_one_hour(year: int) -> None:
    month, day = FORWARD[year]
    assert to_utc(datetime(year, month, day, 2, 30)) == datetime(year, month, day, 7, 30, tzinfo=UTC)
    assert to_wall_clock(to_utc(datetime(year, month, day, 2, 30))) == datetime(year, month, day, 3, 30)


def test_before_2007_the_clocks_changed_on_other_days() -> None:
    assert to_utc(datetime(2006, 3, 20, 12)) == datetime(2006, 3, 20, 17, tzinfo=UTC)
    assert to_utc(datetime(2013, 3, 20, 12)) == datetime(2013, 3, 20, 16, tzinfo=UTC)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2037, 1, 1)))
def test_a_moment_keeps_its_place_there_and_back(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    again = to_utc(to_wall_clock(moment))
    # Only the second occurrence of an hour is told as the first.
    assert moment - again in (timedelta(0), timedelta(hours=1))
    assert to_wall_clock(again) == to_wall_clock(moment)


def test_a_wall_clock_with_a_zone_and_a_moment_without_are_refused() -> None:
    with pytest.raises(ValueError, match="carries a zone"):
        to_utc(datetime(2013, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="has no zone"):
        to_wall_clock(datetime(2013, 1, 1))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-01-01", datetime(2013, 1, 1, 5, tzinfo=UTC)),
        ("2013-07-01 08:30", datetime(2013, 7, 1, 12, 30, tzinfo=UTC)),
        ("2013-07-01T08:30:15Z", datetime(2013, 7, 1, 8, 30, 15, tzinfo=UTC)),
        ("2013-07-01T08:30+02:00", datetime(2013, 7, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_time_that_a_person_writes_is_new_york_unless_it_names_a_zone(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2013-13-01", "9999-12-31T23:59", "0001-01-01T00:00+05:00"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(HailstreamError, match="is no time") as error:
        parse_time(text)
    assert error.value.exit_code == 2
