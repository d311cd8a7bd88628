"""What a zone is told to expect, quarter by quarter."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.domain.forecast.forecast import Forecast, ZoneForecast
from hailstream.domain.forecast.interval import interval
from hailstream.domain.forecast.model import DAY_STARTS, WITH_PROFILE
from hailstream.domain.forecast.profile import Profile
from hailstream.domain.forecast.week import QUARTER_MS
from tests.unit.forecast.quarters import MINUTE, MONDAY, NOTHING, end_of, rhythm, tell, zone_profile

BUSY: Mapping[int, int] = {74: 4}
FOUR = Profile([zone_profile(74, 4.0)])
DAY = 96


def of(forecasts: list[ZoneForecast], zone_id: int = 74, minutes: int = 15) -> list[ZoneForecast]:
    return [each for each in forecasts if (each.zone_id, each.horizon_minutes) == (zone_id, minutes)]


def test_as_usual_is_expected_where_all_is_as_usual() -> None:
    *_, quarter, hour = tell(Forecast(), [BUSY] * DAY, FOUR)
    assert (quarter.expected, hour.expected, quarter.level) == (4.0, 16.0, 1.0)
    # Forecasts without any error are less spread than Poisson counts, which is the least that is assumed.
    assert ((quarter.low, quarter.high), (hour.low, hour.high)) == (interval(4.0, 0.0), interval(16.0, 0.0))
    assert quarter.made_at == quarter.window_start == hour.window_start == end_of(DAY - 1)
    assert (quarter.window_end, hour.window_end) == (end_of(DAY), end_of(DAY + 3))
    assert (quarter.profile, quarter.wape_24h, hour.wape_24h) == ("r1", 0.0, 0.0)


def test_the_formula_on_a_day_of_two_rates() -> None:
    """Twenty hours as usual, then four hours at twice that."""
    happened = [4] * 80 + [8] * 16
    *_, quarter, hour = tell(Forecast(), [{74: count} for count in happened], FOUR)
    day = (sum(happened) + DAY_STARTS) / (4 * 96 + DAY_STARTS)
    weights = [0.5 ** ((95 - index) / WITH_PROFILE.half_life) for index in range(96)]
    lately = sum(w * count for w, count in zip(weights, happened, strict=True))
    recent = (lately + WITH_PROFILE.starts) / (day * 4 * sum(weights) + WITH_PROFILE.starts)
    assert quarter.expected == round(4 * day * recent, 3)
    assert hour.expected == round(sum(4 * day * (1 + (recent - 1) * WITH_PROFILE.fading**n) for n in range(4)), 3)
    assert quarter.level == hour.level == round(day * recent, 3)


def test_the_profile_of_the_hours_to_come_is_what_counts() -> None:
    week = [1.0] * 672
    week[95:100] = [1.0, 2.0, 4.0, 8.0, 16.0]
    *_, quarter, hour = tell(Forecast(), [{74: 1}] * 96, Profile([zone_profile(74, week)]))
    assert (quarter.expected, hour.expected) == (2.0, 30.0)


def test_without_a_profile_a_zone_goes_on_as_lately() -> None:
    forecasts = tell(Forecast(), [{7: 2}] * 40 + [{7: 10}] * 12)
    assert of(forecasts, 7)[38].expected == 2.0
    last = of(forecasts, 7)[-1]
    assert 9.5 < last.expected <= 10
    assert last.profile == "none"


def test_forecasts_are_made_at_ends_of_quarters_in_order_of_zone() -> None:
    fold = Forecast()
    assert fold.minute(end_of(0) - 14 * MINUTE, {75: 1, 7: 2}, FOUR) == []
    assert fold.minute(end_of(0) - MINUTE, {74: 1}, FOUR) == []
    made = fold.minute(end_of(0), {}, FOUR)
    assert [(each.zone_id, each.horizon_minutes) for each in made] == [(z, m) for z in (7, 74, 75) for m in (15, 60)]
    assert {each.made_at for each in made} == {end_of(0)}
    assert fold.minute(end_of(0) + MINUTE, {7: 1}, FOUR) == []


def test_minutes_add_up_to_quarters() -> None:
    by_minute, by_quarter = Forecast(), Forecast()
    for minute in range(1, 16):
        first = by_minute.minute(end_of(0) + (minute - 15) * MINUTE, {74: minute % 3, 7: 1}, FOUR)
    assert first == by_quarter.minute(end_of(0), {74: 15, 7: 15}, FOUR)


def test_the_error_is_that_of_the_forecasts_made_before() -> None:
    rng = np.random.default_rng(5)
    counts = [{74: int(count)} for count in rng.poisson(np.tile(rhythm(3.0, 60), 1)[:300])]
    forecasts = tell(Forecast(), counts, Profile([zone_profile(74, [float(value) for value in rhythm(3.0, 60)])]))
    came = [each[74] for each in counts]
    for minutes, steps in ((15, 1), (60, 4)):
        made = of(forecasts, 74, minutes)
        for now in (200, 299):
            begun = [index for index in range(now) if now - 96 < index + steps <= now]
            said = {each.made_at: each.expected for each in made}
            pairs = [(said[end_of(index - 1)], sum(came[index : index + steps])) for index in begun]
            wape = sum(abs(f - y) for f, y in pairs) / sum(y for _, y in pairs)
            [now_said] = [each for each in made if each.made_at == end_of(now - 1)]
            assert len(pairs) == 96
            assert now_said.wape_24h == pytest.approx(wape, abs=0.0005)


def test_nothing_is_said_of_errors_before_a_window_has_ended() -> None:
    forecasts = tell(Forecast(), [BUSY] * 5, FOUR)
    assert [each.wape_24h is None for each in of(forecasts)] == [True, False, False, False, False]
    assert [each.wape_24h is None for each in of(forecasts, minutes=60)] == [True, True, True, True, False]


def test_errors_widen_the_interval() -> None:
    steady = tell(Forecast(), [{74: 40}] * 96)
    wild = tell(Forecast(), [{74: count} for count in (10, 70) * 48])
    widths = [made[-2].high - made[-2].low for made in (steady, wild)]
    assert widths[1] > 2 * widths[0]


def test_a_zone_has_forecasts_for_a_day_after_its_last_start() -> None:
    fold = Forecast()
    forecasts = tell(fold, [{74: 1}, {7: 1}, *[{}] * 94, {7: 1}, {7: 1}])
    assert {each.made_at for each in of(forecasts, 74)} == {end_of(quarter) for quarter in range(96)}
    assert fold.state["zones"] == [7]


def test_nothing_is_kept_a_day_after_the_last_start() -> None:
    fold = Forecast()
    forecasts = tell(fold, [{74: 1, 7: 3}, *[{}] * 95])
    assert fold.state["zones"] == [7, 74]
    assert len(forecasts) == 96 * 4
    assert fold.minute(end_of(96), {}, NOTHING) == []
    assert fold.state == {}
    assert fold.minute(end_of(5000), {7: 0}, NOTHING) == []
    assert fold.state == {}
    again = fold.minute(end_of(5001), {7: 2}, NOTHING)
    assert again == [
        ZoneForecast(**{**each.__dict__, "made_at": end_of(5001)})
        for each in Forecast().minute(end_of(5001), {7: 2}, NOTHING)
    ]


def test_state_does_not_grow_and_is_of_plain_things() -> None:
    fold = Forecast()
    city = dict.fromkeys(range(1, 266), 1)
    sizes = []
    for quarter in range(12):
        fold.minute(end_of(quarter), city, NOTHING)
        sizes.append(len(pickle.dumps(fold.state)))
    assert len(set(sizes[1:])) <= 2
    assert sizes[-1] < 700_000
    assert b"hailstream" not in pickle.dumps(fold.state)


def test_a_quarter_cannot_be_told_after_it_was_closed() -> None:
    fold = Forecast()
    tell(fold, [BUSY, BUSY])
    with pytest.raises(ValueError, match="after its quarter was closed"):
        fold.minute(end_of(1), BUSY, FOUR)


def test_a_new_profile_holds_from_the_next_forecast_on() -> None:
    fold = Forecast()
    tell(fold, [BUSY] * 96, FOUR)
    [quarter, _] = fold.minute(end_of(96), BUSY, Profile([zone_profile(74, 8.0, "r2")]))
    assert quarter.profile == "r2"
    assert quarter.level < 0.6, "what happened is half of what the new profile calls usual"
    assert quarter.expected == pytest.approx(4.0, abs=0.4)


def test_the_week_goes_by_new_york_and_not_by_utc() -> None:
    """The clocks go back on 2024-11-03: from then on the peak comes an hour later in UTC."""
    week = [1.0] * 672
    for day in range(7):
        week[day * 96 + 17 * 4] = 50.0
    profile = Profile([zone_profile(74, week)])
    peaks = {}
    for name, utc_noon in (("before", 1_730_376_000_000), ("after", 1_730_808_000_000)):
        fold = Forecast()
        first = utc_noon // QUARTER_MS
        made = [
            each
            for quarter in range(60)
            for each in fold.minute((first + quarter + 1) * QUARTER_MS, {74: 1}, profile)
            if each.horizon_minutes == 15
        ]
        peaks[name] = (max(made, key=lambda each: each.expected / each.level).made_at // QUARTER_MS - first) // 4
    assert (peaks["before"], peaks["after"]) == (9, 10), "17:00 is 21:00 UTC in summer, 22:00 in winter"


Minutes = st.lists(
    st.tuples(st.integers(1, 40), st.dictionaries(st.sampled_from([1, 7, 74, 265]), st.integers(0, 6), max_size=4)),
    min_size=1,
    max_size=30,
)


def played(minutes: list[tuple[int, dict[int, int]]], *, restart: bool = False, tell_all: bool = False) -> list[object]:
    """All forecasts from minutes that are each so long after the one before, and a day beyond."""
    profile = Profile([zone_profile(74, 4.0), zone_profile(1, 0.25)])
    fold, now, forecasts = Forecast(), MONDAY * QUARTER_MS, []
    for gap, starts in [*minutes, (1600, {})]:
        for step in range(1, gap) if tell_all else ():
            forecasts += fold.minute(now + step * MINUTE, {}, profile)
        now += gap * MINUTE
        forecasts += fold.minute(now, starts, profile)
        if restart:
            state = pickle.loads(pickle.dumps(fold.state))
            fold = Forecast()
            fold.state = state
    return [*forecasts, fold.state == {}]


@settings(max_examples=8, deadline=None)
@given(Minutes)
def test_a_restart_at_any_minute_changes_nothing(minutes: list[tuple[int, dict[int, int]]]) -> None:
    assert played(minutes) == played(minutes, restart=True)


@settings(max_examples=6, deadline=None)
@given(Minutes)
def test_telling_of_minutes_without_starts_changes_nothing(minutes: list[tuple[int, dict[int, int]]]) -> None:
    assert played(minutes) == played(minutes, tell_all=True)


@settings(max_examples=8, deadline=None)
@given(Minutes)
def test_expectations_are_within_their_intervals_of_chance(minutes: list[tuple[int, dict[int, int]]]) -> None:
    *forecasts, empty = played(minutes)
    assert empty
    for each in forecasts:
        assert isinstance(each, ZoneForecast)
        assert 0 <= each.low <= each.high
        assert 0 <= each.expected <= each.high + 1
