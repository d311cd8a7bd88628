"""The best driver of each hour."""

from __future__ import annotations

import pickle
from collections.abc import Iterable

from hailstream.domain.events import Ended
from hailstream.domain.fold import NEVER, InOrder
from hailstream.domain.opportunities.answers import BestTips
from hailstream.domain.opportunities.tips import BestDriver
from tests.unit.opportunities.trips import MINUTE, NEW_YEAR, trip

HOUR = 60 * MINUTE


def tip(time: int, name: str, driver: str | None, cents: int | None, lasted: int = 10 * MINUTE) -> Ended:
    return trip(time, name, tip=cents, driver_id=driver, started_at=NEW_YEAR + time - lasted)


def told(fold: BestDriver, ends: Iterable[Ended], until: int) -> list[BestTips]:
    order = InOrder(fold)
    order.add(ends)
    return order.advance(NEW_YEAR + until)


def best(hour: int, driver: str, cents: int) -> BestTips:
    return BestTips(NEW_YEAR + hour * HOUR, NEW_YEAR + (hour + 1) * HOUR, driver, cents)


def test_the_sum_of_tips_counts_and_each_hour_is_its_own() -> None:
    ends = [
        tip(0, "a", "ann", 500),
        tip(HOUR - 1, "b", "bob", 300),
        tip(HOUR - 1, "c", "bob", 300),
        tip(HOUR, "d", "ann", 100),
    ]
    fold = BestDriver()
    assert told(fold, ends, 2 * HOUR) == [best(0, "bob", 600), best(1, "ann", 100)]
    assert (fold.state, fold.due) == ({}, NEVER)


def test_it_is_said_when_the_watermark_is_at_the_end_of_the_hour_and_not_before() -> None:
    assert told(BestDriver(), [tip(5, "a", "ann", 1)], HOUR - 1) == []
    assert told(BestDriver(), [tip(5, "a", "ann", 1)], HOUR) == [best(0, "ann", 1)]


def test_nobody_and_nothing_known_say_nothing_but_no_tip_is_a_sum() -> None:
    assert told(BestDriver(), [tip(0, "a", None, 500), tip(1, "b", "ann", None)], HOUR) == []
    assert told(BestDriver(), [tip(0, "a", "ann", 0)], HOUR) == [best(0, "ann", 0)]


def test_copies_add_nothing_and_of_equal_sums_the_lowest_id_is_best() -> None:
    ends = [tip(0, "a", "bob", 200), tip(0, "a", "bob", 200), tip(1, "b", "ann", 200)]
    assert told(BestDriver(), ends, HOUR) == [best(0, "ann", 200)]


def test_by_starts_an_hour_waits_for_the_longest_trip() -> None:
    ends = [
        tip(10 * MINUTE, "a", "ann", 500, lasted=5 * MINUTE),
        tip(9 * HOUR - 1, "b", "bob", 700, lasted=8 * HOUR),
        tip(9 * HOUR, "c", "cid", 900, lasted=8 * HOUR + 1),
        tip(20 * MINUTE, "d", "dan", 900, lasted=-HOUR),
    ]
    fold = BestDriver("start")
    assert told(fold, ends, 9 * HOUR - 1) == []
    assert told(BestDriver("start"), ends, 10 * HOUR) == [best(0, "bob", 700)]
    assert told(BestDriver(), ends, 9 * HOUR) == [best(0, "dan", 900), best(8, "bob", 700)]


def test_what_is_remembered_outlives_a_restart() -> None:
    ends = [tip(0, "a", "ann", 500), tip(1, "b", "bob", 600)]
    before, after = BestDriver(), BestDriver()
    told(before, ends, 10)
    after.state = pickle.loads(pickle.dumps(before.state))
    assert told(after, [tip(20, "b", "bob", 600), tip(21, "c", "ann", 50)], HOUR) == [best(0, "bob", 600)]
