"""What holds for every policy and whatever happens in a zone."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.policy import Policy
from hailstream.domain.surge.price import Price, Reason, target_tenths
from hailstream.domain.surge.sums import ZoneSums
from hailstream.domain.surge.surge import ENDS_MINUTES, Surge
from tests.unit.surge.minutes import NOTHING, ONE_START, ZONE, at, multipliers, prices, warm

# A busy machine is no error.
fast = settings(max_examples=50, deadline=None)

POLICY = st.builds(
    Policy,
    scope=st.just("city"),
    sensitivity=st.floats(0, 10),
    threshold=st.floats(0, 5),
    half_life_minutes=st.floats(0.5, 10),
    hysteresis=st.floats(0.05, 1),
    cap=st.integers(10, 50).map(lambda tenths: tenths / 10),
    max_change=st.integers(1, 40).map(lambda tenths: tenths / 10),
    min_samples=st.integers(1, 10),
)
POLICIES = POLICY.map(lambda policy: Policies().with_(policy))


@st.composite
def zone_sums(draw: st.DrawFn, drivers: bool = True) -> ZoneSums:
    starts, ends = draw(st.integers(0, 12)), draw(st.integers(0, 6))
    known = draw(st.integers(0, ends)) if drivers else 0
    return ZoneSums(starts, ends, known, known - draw(st.integers(0, 6)) if drivers else 0)


# The zone is active in all of them: it had an event at noon.
MINUTES = st.lists(zone_sums(), min_size=1, max_size=50)
UNKNOWN_DRIVERS = st.lists(zone_sums(drivers=False), min_size=1, max_size=50)


def changed(minutes: list[ZoneSums], place: int, **more: int) -> list[ZoneSums]:
    """The same minutes, one of them with more of something."""
    place %= len(minutes)
    old = minutes[place]
    new = old._replace(**{name: getattr(old, name) + number for name, number in more.items()})
    return [*minutes[:place], new, *minutes[place + 1 :]]


@fast
@given(MINUTES, st.integers(0, 49), st.integers(1, 30), POLICIES)
def test_more_starts_never_make_it_cheaper_then_or_later(
    minutes: list[ZoneSums], place: int, more: int, policies: Policies
) -> None:
    before, after = (multipliers(prices(each, policies)) for each in (minutes, changed(minutes, place, starts=more)))
    assert all(low <= high for low, high in zip(before, after, strict=True))


@fast
@given(MINUTES, st.integers(0, 49), st.integers(1, 30), POLICIES)
def test_more_idle_taxis_never_make_it_dearer_then_or_later(
    minutes: list[ZoneSums], place: int, more: int, policies: Policies
) -> None:
    before, after = (multipliers(prices(each, policies)) for each in (minutes, changed(minutes, place, idle=more)))
    assert all(high >= low for high, low in zip(before, after, strict=True))


@fast
@given(UNKNOWN_DRIVERS, st.integers(0, 49), st.integers(1, 30), POLICIES)
def test_more_ends_never_make_it_dearer_where_no_driver_is_known(
    minutes: list[ZoneSums], place: int, more: int, policies: Policies
) -> None:
    before, after = (multipliers(prices(each, policies)) for each in (minutes, changed(minutes, place, ends=more)))
    assert all(high >= low for high, low in zip(before, after, strict=True))


@fast
@given(MINUTES, POLICY)
def test_every_price_has_a_cause(minutes: list[ZoneSums], policy: Policy) -> None:
    for price in prices(minutes, Policies().with_(policy)):
        step = price.multiplier_tenths - price.previous_tenths
        assert isinstance(price.multiplier_tenths, int)
        assert 10 <= price.multiplier_tenths <= round(10 * policy.cap)
        assert abs(step) <= round(10 * policy.max_change)
        target = target_tenths(price.ratio, price.demand, policy)
        blur = 1e-5 * (1 + policy.sensitivity)  # the ratio is told with six digits
        if step > 0:
            assert price.reason in (Reason.DEMAND, Reason.CAPPED)
            assert target > price.previous_tenths + 10 * policy.hysteresis - blur
        elif step < 0:
            assert price.reason in (Reason.DECAY, Reason.FEW_SAMPLES)
            assert target < price.previous_tenths - 10 * policy.hysteresis + blur or target <= 10 + blur
        elif price.reason is Reason.CAPPED:
            assert target > 10 * policy.cap - blur
        elif price.reason in (Reason.CALM, Reason.FEW_SAMPLES):
            assert price.multiplier_tenths == 10
            assert target <= 10 + blur
        else:
            assert price.reason is Reason.HELD
            assert abs(target - price.multiplier_tenths) <= 10 * policy.hysteresis + blur


@fast
@given(zone_sums(), st.integers(0, 20), POLICIES)
def test_a_steady_zone_moves_one_way_and_then_no_more(steady: ZoneSums, idle: int, policies: Policies) -> None:
    each = steady._replace(starts=max(steady.starts, 1), idle=0)
    found = multipliers(prices([each._replace(idle=idle), *[each] * 450], policies))
    # Until then the five and fifteen minutes fill.
    moving = found[ENDS_MINUTES:]
    assert moving in (sorted(moving), sorted(moving, reverse=True))
    assert len(set(found[-50:])) == 1


@fast
@given(MINUTES, st.integers(0, 50), POLICIES)
def test_a_restart_changes_nothing(minutes: list[ZoneSums], cut: int, policies: Policies) -> None:
    surge = warm()
    found: list[Price] = []
    for number, sums in enumerate(minutes, 1):
        if number == cut:
            state = pickle.dumps(surge.state)
            assert b"hailstream" not in state, "plain builtins only"
            surge = Surge()
            surge.state = pickle.loads(state)
        found += surge.minute(at(number), {ZONE: sums}, policies)
    assert found == prices(minutes, policies)


@fast
@given(st.lists(st.one_of(st.just(NOTHING), st.just(NOTHING), zone_sums()), max_size=100), POLICIES)
def test_minutes_left_out_are_minutes_of_nothing(minutes: list[ZoneSums], policies: Policies) -> None:
    end = at(len(minutes) + 1)
    told, left_out = warm(), warm()
    every = [
        price for number, sums in enumerate(minutes, 1) for price in told.minute(at(number), {ZONE: sums}, policies)
    ]
    every += told.minute(end, {}, policies)
    some: list[Price] = []
    for number, sums in enumerate(minutes, 1):
        if sums != NOTHING:
            some += left_out.minute(at(number), {ZONE: sums}, policies)
    some += left_out.minute(end, {}, policies)
    assert some == every
    assert left_out.state == told.state


@fast
@given(st.lists(st.dictionaries(st.integers(1, 5), zone_sums()), max_size=40), POLICIES)
def test_zones_do_not_touch_each_other(minutes: list[dict[int, ZoneSums]], policies: Policies) -> None:
    def run(only: set[int]) -> list[Price]:
        surge = warm()
        found: list[Price] = []
        for number, sums in enumerate(minutes, 1):
            some = {zone: each for zone, each in sums.items() if zone in only}
            found += surge.minute(at(number), some, policies)
        return [price for price in found if price.zone_id in only]

    together = run({1, 2, 3, 4, 5})
    for zone in range(1, 6):
        assert [price for price in together if price.zone_id == zone] == run({zone})


@fast
@given(MINUTES, POLICIES)
def test_the_memory_of_a_zone_is_bounded_and_gone_after_an_hour(minutes: list[ZoneSums], policies: Policies) -> None:
    surge = warm()
    prices(minutes, policies, surge)
    [memory] = surge.state["zones"].values()
    assert len(memory[-1]) <= ENDS_MINUTES
    rest = surge.minute(at(len(minutes) + 200), {}, policies)
    assert rest[-1].multiplier_tenths == 10
    assert surge.state == {}
    assert surge.minute(at(len(minutes) + 201), {ZONE: ONE_START}, policies)[0].previous_tenths == 10
