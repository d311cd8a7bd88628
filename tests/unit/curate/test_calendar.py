"""Hours of New York: of each moment the right day, and the two nights of the clocks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

from hailstream.curate.calendar import first_hour, hours_of, moment, months_of, next_month

MARCH, NOVEMBER = date(2024, 3, 1), date(2024, 11, 1)


def test_the_day_the_clocks_go_forward_has_23_hours_and_no_hour_2() -> None:
    hours = [hour for hour in hours_of([MARCH], ()) if hour.date == date(2024, 3, 10)]
    assert [hour.hour_local for hour in hours] == [0, 1, *range(3, 24)]
    assert moment(hours[2].hour) == datetime(2024, 3, 10, 7, tzinfo=UTC)


def test_the_day_they_go_back_has_25_hours_and_hour_1_twice() -> None:
    hours = [hour for hour in hours_of([NOVEMBER], ()) if hour.date == date(2024, 11, 3)]
    assert [hour.hour_local for hour in hours] == [0, 1, 1, *range(2, 24)]
    assert len({hour.hour for hour in hours}) == 25


def test_every_hour_of_a_year_is_in_one_month_and_one_day() -> None:
    months = [date(2024, number, 1) for number in range(1, 13)]
    hours = hours_of(months, ())
    assert [hour.hour for hour in hours] == list(range(first_hour(months[0]), first_hour(date(2025, 1, 1))))
    assert all(hour.month == hour.date.replace(day=1) for hour in hours)
    assert Counter(Counter(hour.date for hour in hours).values()) == {24: 364, 23: 1, 25: 1}


def test_an_hour_knows_its_kind_of_day() -> None:
    new_year, *_ = hours_of([date(2024, 1, 1)], ())
    assert (new_year.weekday, new_year.weekend, new_year.holiday, new_year.time_of_day) == (1, False, True, "night")
    saturday = next(hour for hour in hours_of([date(2024, 1, 1)], ()) if hour.date == date(2024, 1, 6))
    assert (saturday.weekday, saturday.weekend, saturday.holiday) == (6, True, False)
    assert [hour.time_of_day for hour in hours_of([date(2024, 1, 1)], ())[:24:6]] == [
        "night",
        "morning",
        "afternoon",
        "evening",
    ]


def test_a_day_of_utc_touches_the_month_before_in_new_york() -> None:
    assert months_of([date(2024, 1, 1)]) == [date(2023, 12, 1), date(2024, 1, 1)]
    assert months_of([date(2024, 1, 2), date(2024, 1, 31)]) == [date(2024, 1, 1)]
    assert next_month(date(2023, 12, 1)) == date(2024, 1, 1)


def test_hours_look_back_as_far_as_days_are_archived_without_a_gap() -> None:
    archived = [date(2024, 1, day) for day in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)]
    seen = {moment(hour.hour): hour.seen_back for hour in hours_of([date(2024, 1, 1)], archived)}
    assert seen[datetime(2024, 1, 2, 6, tzinfo=UTC)] == 30
    assert seen[datetime(2024, 1, 4, 6, tzinfo=UTC)] == 6  # nothing of the third
    assert seen[datetime(2024, 1, 5, 0, tzinfo=UTC)] == 24
    assert seen[datetime(2024, 1, 13, 0, tzinfo=UTC)] == 168
