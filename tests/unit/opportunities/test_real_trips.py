"""On the first hours of 2013, as real taxis drove."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from hailstream.domain.events import Ended
from hailstream.domain.fold import InOrder
from hailstream.domain.opportunities.answers import BestTips
from hailstream.domain.opportunities.fold import Opportunities
from hailstream.domain.opportunities.tips import BestDriver
from hailstream.opportunities.reading import ended_trips
from hailstream.replay.sources import open_files
from tests.unit.opportunities.oracle import LISTS, MINUTE, Challenge, Said, areas, routes, trip_between
from tests.unit.opportunities.trips import NEW_YEAR, as_said, events_told

HOUR = 60 * MINUTE


@pytest.fixture(scope="module")
def ends(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    """Rides with the fares there are; a fare is what its total has beside the tip, as these files give no other."""
    files = [str(shared_data / f"{kind}_events_2013-01-01.csv.gz") for kind in ("ride", "fare")]
    source = open_files(files, work_dir=tmp_path_factory.mktemp("new-year"))
    trips = list(ended_trips(source))
    assert len(trips) == 46_450
    known = (end.total_cents is not None and end.tip_cents is not None for end in trips)
    return [
        end._replace(fare_cents=end.total_cents - end.tip_cents) if each else end  # type: ignore[operator]
        for end, each in zip(trips, known, strict=True)
    ]


def best_tips(fold: BestDriver, ends: list[Ended]) -> list[BestTips]:
    order = InOrder(fold)
    order.add(ends)
    return order.advance(NEW_YEAR + 24 * HOUR)


def test_the_best_tips_of_the_first_hour_are_those_of_the_training(ends: list[Ended]) -> None:
    expected = [("2013005747", 51_80), ("2013006686", 38_26), ("2013006587", 30_00)]
    left = ends
    for driver, cents in expected:
        assert best_tips(BestDriver("start"), left) == [BestTips(NEW_YEAR, NEW_YEAR + HOUR, driver, cents)]
        left = [end for end in left if end.driver_id != driver]


def test_the_best_tips_by_ends_are_what_a_query_finds(ends: list[Ended]) -> None:
    tips = pl.DataFrame([(end.time // HOUR, end.driver_id, end.tip_cents) for end in ends], orient="row")
    sums = tips.drop_nulls().group_by("column_0", "column_1").agg(pl.col("column_2").sum())
    ranked = sums.sort("column_0", -pl.col("column_2"), "column_1").group_by("column_0", maintain_order=True).first()
    found = [(tip.window_start // HOUR, tip.driver_id, tip.tip_cents) for tip in best_tips(BestDriver(), ends)]
    assert found == ranked.rows()
    assert found


def test_the_lists_of_some_taxis_are_what_the_whole_window_gives(ends: list[Ended]) -> None:
    some = [end for end in ends if int(end.vehicle_id or 0) % 60 == 7]
    assert len(some) > 500
    expected = Challenge(passing=False).tell(some)
    assert as_said(events_told(Opportunities(), some)) == expected
    assert min(Counter((said.kind, said.by) for said in expected).values()) > 50


def test_the_lists_of_all_taxis_are_right_now_and_then(ends: list[Ended]) -> None:
    fold, latest = Opportunities(), dict[tuple[str, str], Said]()
    for number, end in enumerate(ends, 1):
        latest |= {(said.kind, said.by): said for said in as_said(fold.event(end))}
        if number not in (20_000, len(ends)):
            continue
        recent = [each for each in ends[:number] if end.time - each.time < 30 * MINUTE]
        made = {how: [trip_between(place, each, *how) for place, each in enumerate(recent)] for how in LISTS.values()}
        last = {each.vehicle_id: place for place, each in enumerate(recent) if any(made[how][place] for how in made)}
        for (kind, by), how in LISTS.items():
            trips = [trip for trip in made[how] if trip is not None]
            rows = routes(trips) if kind == "routes" else areas(trips, last, end.time)
            shown = 2 if kind == "routes" else 3  # numbers of routes are those of the moment of the change
            assert [row[:shown] for row in latest[kind, by].rows] == [row[:shown] for row in rows]
