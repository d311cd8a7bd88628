"""Rules that need one ended trip and nothing else, for columns of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt

from hailstream.domain.alerts.alert import FARE_OFF_CARD, IMPLAUSIBLE_SPEED, TRIP_OUTSIDE_BOUNDS, Alert, Rule
from hailstream.domain.alerts.thresholds import MINUTE_MS, Thresholds
from hailstream.domain.clock import NEW_YORK_ZONE
from hailstream.domain.events import Ended
from hailstream.domain.fares import JFK, NEWARK, RATE_CARDS, STANDARD, unit_range
from hailstream.domain.rules import BOUNDS

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True)
class EndedColumns:
    """Ended trips. Where a mask is False the value is not known and stands for nothing.

    Attributes:
        times, started: ms since 1970.
        miles, fares, rate_codes: distance; cents; the TLC's code.
        miles_known, fares_known, codes_known: masks of the three.
    """

    times: Array
    started: Array
    miles: Floats
    miles_known: Mask
    fares: Array
    fares_known: Mask
    rate_codes: Array
    codes_known: Mask


@dataclass(frozen=True)
class Findings:
    """What a rule found in columns.

    Attributes:
        rule: that speaks.
        found: where.
        observed, expected: as in an alert, for all rows.
    """

    rule: Rule
    found: Mask
    observed: Floats
    expected: Floats


def judge(trips: EndedColumns, thresholds: Thresholds) -> Iterator[Findings]:
    """The findings of each rule, each for all rows."""
    yield _speed(trips, thresholds)
    yield _bounds(trips)
    yield _card(trips)


def alerts(ends: Sequence[Ended], thresholds: Thresholds) -> Iterator[Alert]:
    """What the rules have to say of ended trips, trip by trip."""
    findings = list(judge(_columns(ends), thresholds))
    for row, end in enumerate(ends):
        for each in findings:
            if each.found[row]:
                evidence = {
                    "miles": end.miles,
                    "seconds": (end.time - end.started_at) / 1000,
                    "fare_cents": end.fare_cents,
                    "rate_code": end.rate_code,
                }
                yield Alert(
                    each.rule,
                    end.time,
                    end.trip_id,
                    end.zone_id,
                    end.driver_id,
                    round(float(each.observed[row]), 3),
                    round(float(each.expected[row]), 3),
                    evidence=evidence,
                )


def suspicious(trips: EndedColumns, thresholds: Thresholds) -> Mask:
    """Where any of the rules speaks."""
    found = np.zeros(len(trips.times), np.bool_)
    for findings in judge(trips, thresholds):
        found |= findings.found
    return found


def _columns(ends: Sequence[Ended]) -> EndedColumns:
    def column(values: list[Any], dtype: Any) -> tuple[npt.NDArray[Any], Mask]:
        known = np.array([value is not None for value in values], np.bool_)
        return np.array([0 if value is None else value for value in values], dtype), known

    return EndedColumns(
        np.array([end.time for end in ends], np.int64),
        np.array([end.started_at for end in ends], np.int64),
        *column([end.miles for end in ends], np.float64),
        *column([end.fare_cents for end in ends], np.int64),
        *column([end.rate_code for end in ends], np.int64),
    )


def _speed(trips: EndedColumns, thresholds: Thresholds) -> Findings:
    lasted = trips.times - trips.started
    timed = trips.miles_known & (lasted > 0)
    mph = np.where(timed, trips.miles, 0) * HOUR_MS / np.where(timed, lasted, 1)
    limit = np.full(len(mph), thresholds.speed_mph)
    return Findings(IMPLAUSIBLE_SPEED, mph > thresholds.speed_mph, mph, limit)


def _bounds(trips: EndedColumns) -> Findings:
    """Observed is how many bounds: of distance, of duration."""
    minutes = (trips.times - trips.started) / MINUTE_MS
    distance = BOUNDS.distance.outside_column(trips.miles, trips.miles_known)
    duration = BOUNDS.duration.outside_column(minutes)
    return Findings(
        TRIP_OUTSIDE_BOUNDS,
        distance | duration,
        distance.astype(np.float64) + duration.astype(np.float64),
        np.zeros(len(distance)),
    )


def _card(trips: EndedColumns) -> Findings:
    """A positive fare that :func:`hailstream.domain.fares.can_give` denies; expected is the nearest it gives."""
    cards = np.searchsorted(_SINCE, trips.started, "right") - 1
    cards = np.maximum(cards, 0)
    initial, unit, flat, newark = (column[cards] for column in _AMOUNTS)
    standard, kennedy, to_newark = (trips.codes_known & (trips.rate_codes == code) for code in (STANDARD, JFK, NEWARK))
    seconds = (trips.times - trips.started) / 1000
    # Not (< 0): what is not a number is no distance either.
    metered = (standard | to_newark) & trips.miles_known & (trips.miles >= 0) & (seconds >= 0)
    low, high = unit_range(np.where(metered, trips.miles, 0), np.where(metered, seconds, 0))
    above = initial + np.where(to_newark, newark, 0)
    units = (trips.fares - above) / unit
    nearest = np.clip(np.round(units), np.floor(np.maximum(low - 1, 0)), np.floor(high + 1))
    expected = np.where(kennedy, flat, above + unit * nearest)
    judged = trips.fares_known & (trips.fares > 0) & (metered | kennedy)
    return Findings(
        FARE_OFF_CARD, judged & (expected != trips.fares), trips.fares.astype(float), expected.astype(float)
    )


def _first_moment(day: datetime) -> int:
    return round(day.timestamp() * 1000)


_SINCE = np.array([_first_moment(datetime.combine(card.since, time(), NEW_YORK_ZONE)) for card in RATE_CARDS], np.int64)
_AMOUNTS = tuple(
    np.array([getattr(card, name) for card in RATE_CARDS], np.int64)
    for name in ("initial", "unit", "jfk_flat", "newark")
)
