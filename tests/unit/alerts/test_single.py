"""Rules over one trip, as columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hailstream.domain.alerts.single import EndedColumns, judge, suspicious
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.clock import to_wall_clock
from hailstream.domain.fares import can_give, rate_card
from tests.unit.alerts.trips import HOUR, MINUTE, NOON

Trip = tuple[int, int, float | None, int | None, int | None]


def columns(*trips: Trip) -> EndedColumns:
    """Of (end, ms it lasted, miles, fare, rate code)."""

    def known(index: int) -> Any:
        return np.array([trip[index] is not None for trip in trips])

    def values(index: int, dtype: Any) -> Any:
        return np.array([0 if trip[index] is None else trip[index] for trip in trips], dtype)

    ends = values(0, np.int64)
    return EndedColumns(
        ends,
        ends - values(1, np.int64),
        values(2, np.float64),
        known(2),
        values(3, np.int64),
        known(3),
        values(4, np.int64),
        known(4),
    )


def found(*trips: Trip) -> dict[str, list[bool]]:
    return {each.rule.name: each.found.tolist() for each in judge(columns(*trips), Thresholds())}


def test_speed_above_the_limit_is_implausible_and_time_that_does_not_pass_is_no_speed() -> None:
    trips: list[Trip] = [(NOON, HOUR, 80.0, None, None), (NOON, HOUR, 80.1, None, None)]
    trips += [(NOON, 0, 5.0, None, None), (NOON, -HOUR, 90.0, None, None), (NOON, HOUR, None, None, None)]
    assert found(*trips)["implausible_speed"] == [False, True, False, False, False]


def test_what_was_seen_and_what_is_allowed_are_told() -> None:
    [speed, bounds, card] = judge(columns((NOON, HOUR // 2, 60.0, 999, 1)), Thresholds())
    assert (speed.observed.tolist(), speed.expected.tolist()) == ([120.0], [80.0])
    assert bounds.observed.tolist() == [0]
    assert card.observed.tolist() == [999]


def test_distance_and_duration_have_bounds() -> None:
    trips: list[Trip] = [
        (NOON, HOUR, 100.0, None, None),
        (NOON, HOUR, 100.1, None, None),
        (NOON, 9 * HOUR, 1.0, None, None),
        (NOON, MINUTE - 1, 1.0, None, None),
        (NOON, MINUTE, 1.0, None, None),
        (NOON, HOUR, float("nan"), None, None),
    ]
    assert found(*trips)["trip_outside_bounds"] == [False, True, True, True, False, True]


@given(
    st.integers(int(datetime(2009, 1, 2, tzinfo=UTC).timestamp()), int(datetime(2024, 12, 31, tzinfo=UTC).timestamp())),
    st.integers(0, 3 * HOUR),
    st.one_of(st.none(), st.floats(0, 60)),
    st.one_of(st.none(), st.integers(0, 300), st.integers(0, 1500).map(lambda n: n * 10)),
    st.one_of(st.none(), st.sampled_from((1, 2, 3, 4, 5, 6, 99))),
)
def test_the_card_is_that_of_single_fares(second: int, lasted: int, miles: Any, fare: Any, code: Any) -> None:
    start = second * 1000
    card = rate_card(to_wall_clock(datetime.fromtimestamp(second, UTC)).date())
    denied = fare is not None and fare > 0 and code is not None
    if denied and code != 2:
        denied = miles is not None
    if denied:
        denied = not can_give(card, fare, miles or 0.0, lasted / 1000, code)
    assert found((start + lasted, lasted, miles, fare, code))["fare_off_card"] == [denied]


def test_suspicious_is_what_any_rule_finds() -> None:
    trips: list[Trip] = [(NOON, 10 * MINUTE, 2.0, None, None), (NOON, HOUR, 90.0, None, None)]
    trips.append((NOON, 10 * MINUTE, 2.0, 1, 1))
    assert suspicious(columns(*trips), Thresholds()).tolist() == [False, True, True]
