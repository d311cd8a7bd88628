from __future__ import annotations

from itertools import groupby, pairwise

import pytest

from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.policy import make_policy
from hailstream.domain.surge.price import Reason
from hailstream.domain.surge.sums import ZoneSums
from hailstream.domain.surge.surge import Surge
from tests.unit.surge.minutes import MINUTE, NOON, NOTHING, ONE_START, ZONE, at, multipliers, prices, warm

# Follows the ratio at once and to its step, so that a price can be told by hand.
PROMPT = {"half_life_minutes": 0.5, "hysteresis": 0.05, "max_change": 4.0, "min_samples": 2}


def busy(starts: int = 20, idle: int = 0) -> ZoneSums:
    return ZoneSums(starts, idle, idle, idle)


def city(**parameters: object) -> Policies:
    return Policies().with_(make_policy(scope="city", revision=1, **parameters))


def test_demand_is_the_starts_of_five_minutes() -> None:
    found = prices([ZoneSums(starts, 0, 0, 0) for starts in (1, 2, 3, 4, 5, 6, 0)])
    assert [price.demand for price in found] == [2, 4, 7, 11, 15, 20, 18], "one start was there at noon"
    assert [price.window_end for price in found] == [at(minute) for minute in range(1, 8)]


def test_supply_is_the_sum_of_changes_and_never_below_zero() -> None:
    changes = [5, -3, -4, 2, -2]
    found = prices([ZoneSums(0, max(change, 0), max(change, 0), change) for change in changes])
    assert [price.supply for price in found] == [5, 2, 0, 2, 0], "who leaves uncounted is not missing afterwards"


def test_without_drivers_supply_is_the_ends_of_fifteen_minutes() -> None:
    found = prices([ZoneSums(0, ends, 0, 0) for ends in [1] * 16 + [0] * 15])
    assert [price.supply for price in found] == [*range(1, 16), 15, *range(14, -1, -1)]


def test_one_known_driver_among_the_ends_makes_supply_the_idle_taxis() -> None:
    unknown, known = ZoneSums(0, 4, 0, 0), ZoneSums(0, 1, 1, 1)
    found = prices([unknown, unknown, known, *[unknown] * 14, unknown])
    assert [price.supply for price in found[:4]] == [4, 8, 1, 1]
    assert found[16].supply == 1, "it ended fifteen minutes ago"
    assert found[17].supply == 60


def test_taxis_idle_for_longer_than_the_ends_look_back_are_there_without_drivers_too() -> None:
    found = prices([ZoneSums(0, 9, 9, 9), *[NOTHING] * 15, ZoneSums(0, 2, 0, 0)])
    assert found[-1].supply == 9


def test_the_price_is_what_the_formula_says() -> None:
    steady = [ZoneSums(8, 16, 16, 16), *[ZoneSums(8, 0, 0, 0)] * 30]
    [*_, last] = prices(steady, city(**PROMPT, sensitivity=0.5, threshold=1.0))
    assert (last.demand, last.supply) == (40, 16)
    assert last.ratio == 2.5
    # 1 + 0.5 × (2.5 - 1.0) = 1.75, of which 1.7 is within 0.05 on the way up.
    assert last.multiplier_tenths == 17
    assert last.reason == Reason.HELD
    assert last.policy == "city#1"


def test_smoothing_goes_half_of_the_way_in_a_half_life() -> None:
    surge = warm()
    known = prices([ZoneSums(9, 10, 10, 10), *[NOTHING] * 3], city(half_life_minutes=4.0), surge)
    assert [price.demand / price.supply for price in known] == [1.0] * 4
    # A ratio of 1.0 in the minute up to noon, with a half-life of three minutes.
    before = 1 - 0.5 ** (1 / 3)
    assert known[3].ratio == pytest.approx((before + 1.0) / 2, abs=1e-3)


def test_a_price_rises_and_falls_by_no_more_than_is_allowed_in_a_minute() -> None:
    found = multipliers(prices([*[busy()] * 20, *[NOTHING] * 30], city(max_change=0.2)))
    changes = {after - before for before, after in pairwise(found)}
    assert max(found) == 30
    assert (min(changes), max(changes)) == (-2, 2)
    assert found[-1] == 10


def test_few_starts_mean_no_surge_and_say_so() -> None:
    found = prices([ONE_START] * 10, city(min_samples=6))
    assert {price.reason for price in found} == {Reason.FEW_SAMPLES}
    assert set(multipliers(found)) == {10}
    enough = prices([ONE_START] * 10, city(**PROMPT | {"min_samples": 5}))
    assert enough[-1].multiplier_tenths > 10


def test_reasons_from_calm_over_the_cap_to_decay() -> None:
    minutes = [busy(2, 40), *[busy(2)] * 9, *[busy(60)] * 8, *[NOTHING] * 20]
    found = prices(minutes, city(**PROMPT | {"max_change": 0.5}, cap=2.5))
    told = [reason.value for reason, _ in groupby(price.reason for price in found)]
    assert told == ["calm", "demand", "capped", "decay", "calm"]
    assert multipliers(found)[17] == 25


def test_an_empty_zone_decays_and_says_so() -> None:
    found = prices([*[busy()] * 15, *[NOTHING] * 30])
    falling = [price for price in found[15:] if price.multiplier_tenths < price.previous_tenths]
    assert {price.reason for price in falling} == {Reason.DECAY}
    assert len(falling) == 10, "from 3.0 by 0.2 a minute"


def test_a_target_within_the_hysteresis_moves_nothing() -> None:
    level_of = {"half_life_minutes": 0.5, "min_samples": 1, "max_change": 4.0, "sensitivity": 1.0}
    # Ratios 2.0 and 2.2 by turns: targets 2.0 and 2.2.
    minutes = [ZoneSums(10, 5, 5, 5), *[NOTHING] * 4, *[ZoneSums(10, 0, 0, 0), *[NOTHING] * 4] * 3]
    wobble = [*minutes, *[ZoneSums(11, 0, 0, 0), *[NOTHING] * 4, ZoneSums(10, 0, 0, 0), *[NOTHING] * 4] * 4]
    settled = multipliers(prices(wobble, city(**level_of, hysteresis=0.3)))[20:]
    assert len(set(settled)) == 1
    followed = multipliers(prices(wobble, city(**level_of, hysteresis=0.05)))[20:]
    assert len(set(followed)) > 1


def test_surge_can_be_switched_off_at_once() -> None:
    surge = warm()
    assert prices([busy()] * 20, city(), surge)[-1].multiplier_tenths == 30
    [off] = surge.minute(at(21), {ZONE: busy()}, city(enabled=False))
    assert (off.multiplier_tenths, off.previous_tenths, off.reason) == (10, 30, Reason.OFF)


def test_a_lower_cap_holds_at_once() -> None:
    surge = warm()
    prices([busy()] * 20, city(), surge)
    [capped] = surge.minute(at(21), {ZONE: busy()}, city(cap=1.5))
    assert (capped.multiplier_tenths, capped.reason) == (15, Reason.CAPPED)


def test_what_is_no_place_has_no_price_but_one() -> None:
    surge = Surge()
    for minute in range(40):
        [price] = surge.minute(at(minute), {264: busy()}, city())
        assert (price.multiplier_tenths, price.reason, price.policy) == (10, Reason.OFF, "nowhere")


def test_until_supply_is_known_there_is_no_surge() -> None:
    surge = Surge()
    found = [surge.minute(at(minute), {ZONE: busy()}, city())[0] for minute in range(40)]
    assert [price.reason for price in found[:30]] == [Reason.WARMING_UP] * 30
    assert set(multipliers(found[:30])) == {10}
    assert found[30].multiplier_tenths == 12
    assert found[30].reason == Reason.DEMAND


def test_a_row_each_minute_until_an_hour_after_the_last_event_then_nothing_is_left() -> None:
    surge = warm()
    found = prices([busy(30)] * 20, city(cap=5.0, max_change=0.1), surge)
    rest = surge.minute(at(20 + 61), {}, city(cap=5.0, max_change=0.1))
    assert found[-1].multiplier_tenths > 25
    assert [price.window_end for price in rest] == [at(20 + minute) for minute in range(1, 61)]
    assert rest[-1].multiplier_tenths == rest[-1].previous_tenths == 10
    assert surge.state == {}


def test_the_highest_price_comes_down_in_time_under_the_slowest_policy() -> None:
    surge = warm()
    slowest = city(cap=5.0, max_change=0.1, half_life_minutes=60.0, hysteresis=1.0, sensitivity=10.0, threshold=0.0)
    assert prices([busy(500)] * 50, slowest, surge)[-1].multiplier_tenths == 50
    *_, last = surge.minute(at(50 + 60), {}, slowest)
    assert (last.window_end, last.multiplier_tenths) == (at(110), 10)
    assert surge.state == {}


def test_a_change_of_idle_taxis_alone_makes_no_zone_active_and_keeps_none() -> None:
    surge = warm()
    assert surge.minute(at(1), {ZONE: NOTHING, 1: ZoneSums(0, 0, 0, -1)}, city())[0].zone_id == ZONE
    found = [
        price for minute in range(2, 61) for price in surge.minute(at(minute), {ZONE: ZoneSums(0, 0, 0, 1)}, city())
    ]
    assert {price.zone_id for price in found} == {ZONE}
    assert found[-1].window_end == at(60)
    assert surge.state == {}


def test_zones_come_in_order_and_each_has_its_own_policy() -> None:
    policies = city().with_(make_policy(scope="zone:7", revision=2))
    surge = Surge()
    surge.minute(NOON, dict.fromkeys((200, 7, 93), ONE_START), policies)
    found = surge.minute(at(2), {}, policies)
    assert [(price.window_end, price.zone_id) for price in found] == [
        (at(minute), zone) for minute in (1, 2) for zone in (7, 93, 200)
    ]
    assert [price.policy for price in found[:3]] == ["zone:7#2", "city#1", "city#1"]


def test_minutes_out_of_order_are_refused() -> None:
    surge = warm()
    for end in (NOON, NOON - MINUTE):
        with pytest.raises(ValueError, match="comes after"):
            surge.minute(end, {}, Policies())
    with pytest.raises(ValueError, match="not the end of a minute"):
        surge.minute(at(1) + 1, {}, Policies())
