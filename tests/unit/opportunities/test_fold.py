"""Routes and areas against the oracle: whatever the trips, batches and restarts."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.domain.events import Ended
from hailstream.domain.fold import NEVER, InOrder
from hailstream.domain.opportunities import leaders
from hailstream.domain.opportunities.fold import Opportunities
from tests.unit.opportunities.oracle import Challenge
from tests.unit.opportunities.trips import MINUTE, as_said, crowded, events_told, few_places, many_places

City = Callable[[int], list[Ended]]


@pytest.mark.parametrize("city", [few_places, many_places])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_every_list_is_what_the_whole_window_gives(city: City, seed: int) -> None:
    ends = city(seed)
    expected = Challenge(passing=False).tell(ends)
    assert as_said(events_told(Opportunities(), ends)) == expected
    assert {said.kind for said in expected} == {"routes", "areas"}


@pytest.mark.parametrize("city", [few_places, many_places])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_batches_restarts_and_silence_change_nothing(city: City, seed: int) -> None:
    chance = random.Random(seed)
    ends = sorted(city(seed), key=lambda end: end[:3])
    last = ends[-1].time + 31 * MINUTE
    fold = Opportunities()
    order, found = InOrder(fold), []
    for at in range(0, len(ends), 40):
        part = ends[at : at + 40]
        order.add(part)
        found += order.advance(part[-1].time - chance.randrange(3) * MINUTE)
        state, waiting = pickle.loads(pickle.dumps((fold.state, [*order.waiting()])))
        fold = Opportunities()
        fold.state = state
        order = InOrder(fold)
        order.add(waiting)
    found += order.advance(last)
    assert as_said(found) == Challenge(passing=True).tell(ends, last)
    assert fold.due == NEVER
    assert not fold.state


@pytest.mark.parametrize(("kept", "most"), [(10, 11), (12, 30)])
@pytest.mark.parametrize("city", [many_places, crowded])
def test_how_many_ranks_are_kept_in_order_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, city: City, kept: int, most: int
) -> None:
    ends = city(7)
    monkeypatch.setattr(leaders, "_MOST", 10**6)
    expected = events_told(Opportunities(), ends)
    monkeypatch.setattr(leaders, "_KEPT", kept)
    monkeypatch.setattr(leaders, "_MOST", most)
    assert events_told(Opportunities(), ends) == expected
    assert len(expected) > 500


@pytest.mark.parametrize("seed", range(5))
def test_the_first_ten_are_those_of_all_ranks(seed: int) -> None:
    chance = random.Random(seed)
    top, ranks = leaders.Leaders(), dict[int, leaders.Rank]()
    shown: list[Any] = []
    for number in range(3_000):
        key = chance.randrange(200)
        old, new = ranks.pop(key, None), None
        # Waves, so that all ranks rise beyond the list and fall below it.
        if chance.random() < (0.9 if number % 1000 < 500 else 0.3):
            new = ranks[key] = (chance.randrange(50 if number % 1000 < 500 else 10), number, key)
        if max(old or leaders.LOWEST, new or leaders.LOWEST)[0] >= top.low:
            top.replace(old, new)
        if top.touched:
            shown = top.top(ranks.values())
        assert shown == sorted(ranks.values(), reverse=True)[:10]
    assert not top.touched


def test_what_is_not_asked_for_is_not_said() -> None:
    ends = many_places(3)
    everything = as_said(events_told(Opportunities(), ends))
    for kind in ("routes", "areas"):
        for by in ("cell", "zone"):
            some = as_said(events_told(Opportunities([kind], [by]), ends))  # type: ignore[list-item]
            assert some == [said for said in everything if (said.kind, said.by) == (kind, by)]
            assert some
