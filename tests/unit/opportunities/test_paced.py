"""Of each second the last list is said, if it is another one than was said before, restarts or not."""

from __future__ import annotations

import pickle
from random import Random
from typing import Any

import pytest

from hailstream.domain.events import Ended
from hailstream.domain.fold import NEVER, InOrder, OneByOne, is_empty
from hailstream.domain.opportunities.answers import AreasRanked, Opportunity, RoutesRanked
from hailstream.domain.opportunities.fold import Opportunities
from hailstream.domain.opportunities.paced import PacedOpportunities
from tests.unit.alerts.trips import HOUR, NOON, ended


def ends(seed: int) -> list[Ended]:
    """Two hours of a few zones, several ends a second at times."""
    chance = Random(seed)
    return [
        ended(
            chance.randrange(2 * HOUR) // chance.choice((1, 40)),
            f"t{number}",
            vehicle=f"v{chance.randrange(9)}",
            zone_id=chance.randrange(1, 6),
            end_zone_id=chance.randrange(1, 6),
            fare_cents=chance.randrange(400, 4000),
        )
        for number in range(400)
    ]


def name(answer: Opportunity) -> tuple[type, str]:
    return type(answer), answer.by


def shown(answer: Opportunity) -> Any:
    """What makes a list another one: of routes their order, of areas their numbers too."""
    if isinstance(answer, RoutesRanked):
        return tuple((route.start, route.end) for route in answer.routes)
    assert isinstance(answer, AreasRanked)
    return answer.areas


def expected(all_lists: list[Opportunity]) -> list[Opportunity]:
    """Of each second the last list, where it is another one than the last of the seconds before."""
    last: dict[tuple[type, str], dict[int, Opportunity]] = {}
    for answer in all_lists:
        last.setdefault(name(answer), {})[answer.time // 1000] = answer
    kept = []
    for answers in last.values():
        before: Any = ()
        for _, answer in sorted(answers.items()):
            if shown(answer) != before:
                kept.append(answer)
            before = shown(answer)
    return kept


@pytest.mark.parametrize("seed", range(5))
def test_of_each_second_the_last_list_is_said(seed: int) -> None:
    events = ends(seed)
    every: InOrder[Opportunity] = InOrder(Opportunities())
    every.add(events)
    wanted = expected(every.advance(NOON + 3 * HOUR))
    chance = Random(seed)
    fold = PacedOpportunities()
    order: InOrder[Opportunity] = InOrder(fold)
    order.add(events)
    found: list[Opportunity] = []
    moment = NOON
    while moment < NOON + 3 * HOUR:
        moment += chance.randrange(10 * 60_000)
        found += order.advance(moment)
        again = PacedOpportunities()
        again.state = pickle.loads(pickle.dumps(fold.state))
        waiting, fold = list(order.waiting()), again
        order = InOrder(fold)
        order.add(waiting)
    # The time and cause are those of the second's last end, which need not be what changed the list.
    assert {(name(a), a.time // 1000, shown(a)) for a in found} == {(name(a), a.time // 1000, shown(a)) for a in wanted}
    assert len(found) == len(wanted) > 100
    assert fold.due == NEVER
    assert is_empty(fold.state)


def test_one_end_after_the_other_says_the_same_as_a_run_of_them() -> None:
    events, watermark = sorted(ends(1)), NOON + 3 * HOUR
    run, one_by_one = PacedOpportunities(), PacedOpportunities()
    assert OneByOne.tell(one_by_one, events, watermark) == run.tell(events, watermark) != []
