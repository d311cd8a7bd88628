"""A fare is compared with the closed minutes of its zone's last hour."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hailstream.domain.alerts.outliers import LEAST_SIGMA, FareOutliers, fare_ratio
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Event
from tests.unit.alerts.trips import HOUR, MINUTE, SECOND, ended, told

LIMITS = Thresholds()


def usual(count: int, begin: int = 0, every: int = 30 * SECOND, spread: float = 0.2, seed: int = 1) -> list[Event]:
    """Fares about the meter's, log-normal."""
    factors = np.exp(np.random.default_rng(seed).normal(0, spread, count))
    return [ended(begin + i * every, f"u{begin}-{i}", fare_cents=round(1210 * f)) for i, f in enumerate(factors)]


def found(*events: Event) -> list[str]:
    return [alert.trip_id for alert in told(FareOutliers(LIMITS), events)]


def test_a_fare_of_three_times_the_usual_stands_out_and_says_by_how_much() -> None:
    events = usual(60)
    odd = ended(30 * MINUTE, "odd", fare_cents=3630)
    [alert] = [a for a in told(FareOutliers(LIMITS), [*events, odd]) if a.trip_id == "odd"]
    ratios = np.array([fare_ratio(event) for event in events])  # type: ignore[arg-type]
    median = np.median(ratios)
    sigma = 1.4826 * np.median(np.abs(ratios - median))
    assert alert.samples == 60
    assert alert.observed == round((fare_ratio(odd) - median) / sigma, 3)  # type: ignore[operator]
    assert (alert.expected, alert.evidence["fare_cents"]) == (3.0, 3630)
    assert alert.evidence["usual_cents"] == round(3630 * math.exp(median - fare_ratio(odd)))  # type: ignore[operator]


def test_far_below_the_usual_stands_out_too() -> None:
    odd = ended(30 * MINUTE, "odd", fare_cents=300)
    [alert] = [a for a in told(FareOutliers(LIMITS), [*usual(60), odd]) if a.trip_id == "odd"]
    assert alert.observed < -3
    assert alert.expected == -3.0


def test_with_few_samples_nothing_is_said() -> None:
    odd = ended(30 * MINUTE, "odd", fare_cents=9999)
    assert "odd" not in found(*usual(29), odd)
    assert "odd" in found(*usual(30), odd)


def test_fares_of_the_open_minute_are_no_baseline() -> None:
    assert found(*usual(60, every=SECOND // 2), ended(29 * SECOND, "odd", fare_cents=9999)) == []


def test_the_hour_before_is_the_baseline_and_nothing_older() -> None:
    odd = ended(HOUR + 40 * MINUTE, "odd", fare_cents=9999)
    assert "odd" not in found(*usual(60), odd)


def test_outliers_do_not_hide_those_that_follow() -> None:
    """A third of all fares are tripled: mean and deviation would call nothing odd."""
    events = usual(90, every=20 * SECOND, spread=0.05)
    events[::3] = [event._replace(fare_cents=5000, trip_id=f"odd{i}") for i, event in enumerate(events[::3])]  # type: ignore[union-attr]
    later = [ended(40 * MINUTE + i, f"later{i}", fare_cents=5000) for i in range(3)]
    assert {"later0", "later1", "later2"} <= set(found(*events, *later))


def test_equal_fares_do_not_make_a_cent_an_outlier() -> None:
    same = usual(60, spread=0.0)
    within = round(1210 * math.exp(2.9 * LEAST_SIGMA))
    beyond = round(1210 * math.exp(3.1 * LEAST_SIGMA))
    assert found(*same, ended(30 * MINUTE, "within", fare_cents=within)) == []
    assert found(*same, ended(30 * MINUTE, "beyond", fare_cents=beyond)) == ["beyond"]


def test_a_copy_is_no_further_sample() -> None:
    fold = FareOutliers(LIMITS)
    told(fold, [event for event in usual(20) for _ in range(3)] + [ended(HOUR // 2, "x")])
    assert fold.state[41][3] == 20


def test_what_cannot_be_compared_is_not() -> None:
    for more in ({"fare_cents": None}, {"fare_cents": -500}, {"miles": None}, {"miles": 300.0}, {"lasted": 0}):
        assert fare_ratio(ended(0, **more)) is None  # type: ignore[arg-type]


def test_a_quiet_zone_is_forgotten() -> None:
    fold = FareOutliers(LIMITS)
    told(fold, usual(60), until=29 * MINUTE)
    assert list(fold.state) == [41]
    told(fold, [], until=91 * MINUTE)
    assert fold.state == {}


@pytest.mark.parametrize(("rate_code", "miles", "fare"), [(2, 9.0, 70_00), (3, 17.0, 93_00)])
def test_a_fare_above_the_meter_is_no_outlier_where_the_card_asks_it(rate_code: int, miles: float, fare: int) -> None:
    """Kennedy's flat fare, and Newark's 20 dollars above the meter."""
    others = usual(60, spread=0.05)
    trip = ended(30 * MINUTE, "odd", miles=miles, lasted=30 * MINUTE, fare_cents=fare, rate_code=rate_code)
    assert found(*others, trip) == []
    assert found(*others, trip._replace(rate_code=1)) == ["odd"]
    assert found(*others, trip._replace(rate_code=None)) == ["odd"]
