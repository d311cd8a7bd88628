"""The TLC's rate cards for yellow taxis: what a trip can cost, in integer US cents.

Sources: TLC "Taxicab rate of fare" and rule chapter 58-26 as amended
2012-09-04 and 2022-12-19; improvement surcharge from 2015-01-01; New York
State congestion surcharge from 2019-02-02; MTA tax from 2009-11-01. Before
2012-09-04 the card of 2006-11-30 held. The peak surcharge on the JFK fare is
in the trip records of January 2018; its first day may be earlier. Airport
access fees (since 2021) and the congestion-zone toll (since 2025) have no
field of their own in our events and are not part of the card here.

The meter counts units: one for a fifth of a mile at 12 mph or more, one for 60
seconds at less. At 12 mph both clocks run alike, so the units of a trip lie
between the greater of the two counts and their sum.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Cents: TypeAlias = npt.NDArray[np.int64]
Numbers: TypeAlias = npt.NDArray[np.float64]

STANDARD, JFK, NEWARK = 1, 2, 3  # rate codes

UNITS_PER_MILE = 5
UNIT_SECONDS = 60
NIGHT_HOURS = frozenset((20, 21, 22, 23, 0, 1, 2, 3, 4, 5))
PEAK_HOURS = frozenset((16, 17, 18, 19))  # Monday to Friday; the card spares legal holidays, this does not


@dataclass(frozen=True)
class RateCard:
    """The amounts in force from a day (New York date) on, in cents.

    Attributes:
        initial: on entry, with the first unit.
        unit: each further unit.
        night, peak: ``extra`` on a standard fare from 20:00 to 6:00, and on weekdays from 16:00 to 20:00.
        jfk_flat, jfk_peak: fare between Kennedy Airport and Manhattan, and its ``extra`` at peak.
        newark: part of the fare of a trip to Newark Airport, above the meter.
        laguardia: ``extra`` of a trip to or from LaGuardia.
        mta_tax, improvement, congestion: surcharges; congestion only where Manhattan south of 96th Street is touched.
    """

    since: date
    initial: int
    unit: int
    night: int
    peak: int
    jfk_flat: int
    jfk_peak: int
    newark: int
    laguardia: int
    mta_tax: int
    improvement: int
    congestion: int


_2006 = RateCard(date(2006, 11, 30), 250, 40, 50, 100, 4500, 0, 1500, 0, mta_tax=0, improvement=0, congestion=0)
_2012 = RateCard(date(2012, 9, 4), 250, 50, 50, 100, 5200, 0, 1750, 0, mta_tax=50, improvement=0, congestion=0)
_2022 = RateCard(
    date(2022, 12, 19), 300, 70, 100, 250, 7000, 500, 2000, 500, mta_tax=50, improvement=100, congestion=250
)


def _amended(card: RateCard, since: date, **amounts: int) -> RateCard:
    return RateCard(**{**card.__dict__, "since": since, **amounts})


#: In order of their first day.
RATE_CARDS: tuple[RateCard, ...] = (
    _2006,
    _amended(_2006, date(2009, 11, 1), mta_tax=50),
    _2012,
    _amended(_2012, date(2015, 1, 1), improvement=30),
    _amended(_2012, date(2018, 1, 1), improvement=30, jfk_peak=450),
    _amended(_2012, date(2019, 2, 2), improvement=30, jfk_peak=450, congestion=250),
    _2022,
)
_FIRST_DAYS = [card.since for card in RATE_CARDS]


def rate_card(day: date) -> RateCard:
    """The card in force on a New York date; the oldest one for days before it."""
    return RATE_CARDS[max(bisect_right(_FIRST_DAYS, day) - 1, 0)]


def metered_fare(card: RateCard, units: float) -> int:
    """The meter after so many units, in cents: the first is in the initial charge, a begun one counts."""
    return card.initial + card.unit * int(units)


def metered_fares(initial: Cents, unit: Cents, units: Numbers) -> Cents:
    """:func:`metered_fare` for columns: of the cards' amounts and of units."""
    return initial + unit * units.astype(np.int64)


def unit_range(miles: Numbers, seconds: Numbers) -> tuple[Numbers, Numbers]:
    """The fewest and the most units that a meter can count over a distance and a time."""
    by_distance, by_time = miles * UNITS_PER_MILE, seconds / UNIT_SECONDS
    return np.maximum(by_distance, by_time), by_distance + by_time


def fare_range(card: RateCard, miles: float, seconds: float) -> tuple[int, int]:
    """The lowest and the highest metered fare (rate code 1), in cents.

    One unit of tolerance either way: distances are rounded, and the meter
    starts before the car does.
    """
    low, high = unit_range(np.array([miles]), np.array([seconds]))
    return metered_fare(card, max(low[0] - 1, 0)), metered_fare(card, high[0] + 1)


def can_give(card: RateCard, fare: int, miles: float, seconds: float, rate_code: int = STANDARD) -> bool:
    """Whether the card gives this fare (cents) for this trip; True for codes that are agreed or not known.

    Args:
        miles, seconds: of the trip.
        rate_code: 1 standard, 2 JFK, 3 Newark.
    """
    if rate_code == JFK:
        return fare == card.jfk_flat
    if rate_code not in (STANDARD, NEWARK):
        return True
    above = card.newark if rate_code == NEWARK else 0
    low, high = fare_range(card, miles, seconds)
    metered = fare - above
    return low <= metered <= high and (metered - card.initial) % card.unit == 0


def extra_charge(card: RateCard, wall_clock: datetime, rate_code: int = STANDARD, *, laguardia: bool = False) -> int:
    """Night, peak and LaGuardia surcharges of a trip that began at this New York time, in cents."""
    peak = wall_clock.weekday() < 5 and wall_clock.hour in PEAK_HOURS
    if rate_code == JFK:
        return card.jfk_peak if peak else 0
    night = wall_clock.hour in NIGHT_HOURS
    return card.peak * peak + card.night * night + card.laguardia * laguardia
