from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hailstream.domain.fares import (
    JFK,
    NEWARK,
    RATE_CARDS,
    STANDARD,
    can_give,
    extra_charge,
    fare_range,
    metered_fare,
    metered_fares,
    rate_card,
)


@pytest.mark.parametrize(
    ("day", "initial", "unit", "flat", "tax", "improvement", "congestion"),
    [
        (date(2009, 10, 31), 250, 40, 4500, 0, 0, 0),
        (date(2009, 11, 1), 250, 40, 4500, 50, 0, 0),
        (date(2012, 9, 3), 250, 40, 4500, 50, 0, 0),
        (date(2012, 9, 4), 250, 50, 5200, 50, 0, 0),
        (date(2015, 1, 1), 250, 50, 5200, 50, 30, 0),
        (date(2019, 2, 1), 250, 50, 5200, 50, 30, 0),
        (date(2019, 2, 2), 250, 50, 5200, 50, 30, 250),
        (date(2022, 12, 18), 250, 50, 5200, 50, 30, 250),
        (date(2022, 12, 19), 300, 70, 7000, 50, 100, 250),
    ],
)
def test_the_card_of_a_day_has_the_amounts_then_in_force(
    day: date, initial: int, unit: int, flat: int, tax: int, improvement: int, congestion: int
) -> None:
    card = rate_card(day)
    amounts = (card.initial, card.unit, card.jfk_flat, card.mta_tax, card.improvement, card.congestion)
    assert amounts == (initial, unit, flat, tax, improvement, congestion)


def test_cards_follow_each_other_in_time() -> None:
    days = [card.since for card in RATE_CARDS]
    assert days == sorted(set(days))
    assert rate_card(date(1999, 1, 1)) is RATE_CARDS[0]


def test_real_fares_are_what_the_card_gives(shared_data: Path) -> None:
    """About 2 of 1,000 real meters are off; a card with one wrong amount would fail most."""
    trips = (
        pl.read_parquet(shared_data / "yellow_sample_2018-01_2020-12.parquet")
        .with_columns(seconds=(pl.col("dropoff_datetime") - pl.col("pickup_datetime")).dt.total_seconds())
        .filter(
            pl.col("rate_code_id").is_in([STANDARD, JFK, NEWARK]),
            pl.col("seconds").is_between(60, 7200),
            pl.col("trip_distance").is_between(0.1, 50),
            pl.col("fare_amount") > 0,
        )
    )
    for code, at_least in ((STANDARD, 0.997), (JFK, 0.999), (NEWARK, 0.99)):
        some = trips.filter(pl.col("rate_code_id") == code).head(20_000)
        columns = some.select("pickup_datetime", "fare_amount", "trip_distance", "seconds")
        given = [
            can_give(rate_card(start.date()), round(fare * 100), miles, seconds, code)
            for start, fare, miles, seconds in columns.iter_rows()
        ]
        assert len(given) > 500
        assert np.mean(given) >= at_least
        dearer = [
            can_give(rate_card(start.date()), round(fare * 100) + 13, miles, seconds, code)
            for start, fare, miles, seconds in columns.head(500).iter_rows()
        ]
        assert not any(dearer)


def test_a_fare_far_from_what_distance_and_time_give_is_not_the_cards() -> None:
    card = rate_card(date(2024, 3, 1))
    low, high = fare_range(card, miles=2.0, seconds=600)
    assert (low, high) == (300 + 70 * 9, 300 + 70 * 21)
    assert can_give(card, 300 + 70 * 15, 2.0, 600)
    assert not can_give(card, high + 70, 2.0, 600)
    assert not can_give(card, low - 70, 2.0, 600)
    assert not can_give(card, 300 + 70 * 15 + 1, 2.0, 600)
    assert not can_give(card, -(300 + 70 * 15), 2.0, 600)


def test_a_trip_to_newark_costs_the_meter_and_the_surcharge() -> None:
    card = rate_card(date(2024, 3, 1))
    assert can_give(card, 2000 + 300 + 70 * 90, 16.0, 2000, NEWARK)
    assert not can_give(card, 300 + 70 * 50, 16.0, 2000, NEWARK)


def test_agreed_fares_are_not_judged() -> None:
    assert can_give(rate_card(date(2024, 3, 1)), 1, 50.0, 60.0, rate_code=5)


def test_columns_of_fares_are_the_fares_of_their_rows() -> None:
    units = np.array([0.0, 0.99, 1.0, 7.5, 120.0])
    for card in RATE_CARDS:
        column = metered_fares(np.full(5, card.initial), np.full(5, card.unit), units)
        assert column.tolist() == [metered_fare(card, value) for value in units]


@pytest.mark.parametrize(
    ("moment", "code", "laguardia", "cents"),
    [
        (datetime(2024, 3, 1, 15, 59), STANDARD, False, 0),
        (datetime(2024, 3, 1, 16, 0), STANDARD, False, 250),
        (datetime(2024, 3, 1, 19, 59), STANDARD, True, 750),
        (datetime(2024, 3, 1, 20, 0), STANDARD, False, 100),
        (datetime(2024, 3, 2, 5, 59), STANDARD, False, 100),
        (datetime(2024, 3, 2, 17, 0), STANDARD, False, 0),  # Saturday
        (datetime(2024, 3, 1, 17, 0), JFK, False, 500),
        (datetime(2024, 3, 1, 23, 0), JFK, False, 0),
        (datetime(2013, 1, 1, 23, 0), STANDARD, True, 50),
    ],
)
def test_the_extra_charge_follows_the_new_york_clock(moment: datetime, code: int, laguardia: bool, cents: int) -> None:
    assert extra_charge(rate_card(moment.date()), moment, code, laguardia=laguardia) == cents
