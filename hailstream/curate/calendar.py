"""The hours of New York's months: which moment is which hour of which day.

An hour is numbered by how many went before it since 1970 (UTC). New York's
offset is a whole number of hours, so each has one local date and hour: the day
the clocks go forward has 23 of them, the day they go back has hour 1 twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

from hailstream.domain.clock import to_utc, to_wall_clock

SECONDS_AN_HOUR: Final = 3600
#: Times of day, six hours each from midnight on.
TIMES_OF_DAY: Final = ("night", "morning", "afternoon", "evening")
#: Hours back that :mod:`hailstream.curate.features` looks at.
LAGS: Final = (1, 2, 3, 24, 168)
#: Hours over which it takes means.
MEANS: Final = (3, 24, 168)


@dataclass(frozen=True)
class Hour:
    """An hour of New York.

    Attributes:
        hour: its number.
        month: first day of the local month.
        date: local.
        hour_local: 0-23.
        weekday: 1 Monday to 7 Sunday.
        weekend: Saturday or Sunday.
        holiday: a federal holiday of the United States, on the day it is observed.
        time_of_day: one of ``TIMES_OF_DAY``.
        seen_back: how many hours before it are known without a gap of a day, up to 168.
    """

    hour: int
    month: date
    date: date
    hour_local: int
    weekday: int
    weekend: bool
    holiday: bool
    time_of_day: str
    seen_back: int = 0


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def first_hour(day: date) -> int:
    """The number of the hour at whose begin a New York day begins."""
    return int(to_utc(datetime(day.year, day.month, day.day)).timestamp()) // SECONDS_AN_HOUR


def moment(hour: int) -> datetime:
    """When an hour begins, UTC."""
    return datetime.fromtimestamp(hour * SECONDS_AN_HOUR, UTC)


def months_of(dates: Iterable[date]) -> list[date]:
    """The New York months that UTC dates touch, in order."""
    return sorted({month_of(local) for day in dates for local in (day - timedelta(days=1), day)})


def hours_of(months: Sequence[date], archived: Collection[date]) -> list[Hour]:
    """All hours of some months, in order.

    Args:
        archived: UTC dates of which the archive has a record; before others nothing is known.
    """
    return [
        _hour(number, _seen_back(number, archived))
        for month in months
        for number in range(first_hour(month), first_hour(next_month(month)))
    ]


def _hour(number: int, seen_back: int) -> Hour:
    local = to_wall_clock(moment(number))
    day = local.date()
    return Hour(
        number,
        month_of(day),
        day,
        local.hour,
        day.isoweekday(),
        day.isoweekday() > 5,
        day in _holidays(day.year),
        TIMES_OF_DAY[local.hour // 6],
        seen_back,
    )


def _seen_back(number: int, archived: Collection[date]) -> int:
    """Hours before, back to the begin of the first day in a row that the archive has; its own day counts as seen."""
    most = max(*LAGS, *MEANS)
    begin = moment(number)
    seen = begin.hour
    day = begin.date() - timedelta(days=1)
    while seen < most and day in archived:
        seen += 24
        day -= timedelta(days=1)
    return min(seen, most)


@lru_cache(maxsize=128)
def _holidays(year: int) -> frozenset[date]:
    found = USFederalHolidayCalendar().holidays(pd.Timestamp(year, 1, 1), pd.Timestamp(year, 12, 31))
    return frozenset(found.date)
