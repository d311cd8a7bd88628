"""Each row is in one share, and with it all that it is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from hailstream.domain.millis import to_ms
from hailstream.reconcile.shares import ByKey, ByTime, cuts_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return EPOCH + timedelta(hours=hours)


def rows(*times: int) -> pa.Table:
    return pa.table({"time": pa.array(times, pa.int64())})


def test_cuts_divide_what_ranges_have_and_not_the_holes_between_them() -> None:
    assert cuts_of([(at(0), at(4))], 1) == (0, to_ms(at(4)))
    assert cuts_of([(at(0), at(4))], 4) == tuple(to_ms(at(hour)) for hour in range(5))
    holed = [(at(0), at(2)), (at(100), at(104))]
    assert cuts_of(holed, 3) == tuple(to_ms(at(hour)) for hour in (0, 100, 102, 104))
    assert cuts_of(holed, 2) == tuple(to_ms(at(hour)) for hour in (0, 101, 104))


def test_a_row_at_a_cut_is_of_the_share_before_it() -> None:
    division = ByTime((0, 10, 20), before=3)
    found = {share: part["time"].to_pylist() for share, part in division.of_rows(rows(20, 11, 10, 1, 0, 21), "time")}
    assert found == {0: [1, 10], 1: [11, 20]}


def test_an_event_is_in_each_share_in_which_it_makes_rows() -> None:
    division = ByTime((0, 10, 20), before=3)
    events = rows(-4, -3, 0, 6, 7, 9, 10, 19, 20)
    found = {share: part["time"].to_pylist() for share, part in division.of_events(events, "time")}
    assert found == {0: [-3, 0, 6, 7, 9], 1: [7, 9, 10, 19]}


def test_what_of_ranges_is_a_shares() -> None:
    spans = [(at(0), at(2)), (at(5), at(9))]
    division = ByTime(cuts_of(spans, 2), before=0)
    assert [division.spans(share, spans) for share in range(2)] == [[(at(0), at(2)), (at(5), at(6))], [(at(6), at(9))]]
    assert ByKey(2).spans(1, spans) == spans


@pytest.mark.parametrize("count", [1, 3, 16])
def test_a_key_is_in_the_same_share_wherever_it_comes_from(count: int) -> None:
    keys = [f"trip {number}" for number in range(500)]
    there, here = pa.table({"trip_id": keys}), pa.table({"n": range(1000), "trip_id": keys[::-1] + keys})
    division = ByKey(count)
    homes = {key: share for share, part in division.of_rows(there, "trip_id") for key in part["trip_id"].to_pylist()}
    again = [(key, share) for share, part in division.of_events(here, "trip_id") for key in part["trip_id"].to_pylist()]
    assert set(homes.values()) == set(range(count))
    assert len(again) == 1000
    assert {homes[key] == share for key, share in again} == {True}
