"""Of which windows batch can say the last word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from hailstream.archive.months import Month
from hailstream.reconcile.reach import Reach
from hailstream.reconcile.run import final_spans
from hailstream.reconcile.spans import Span, any_of, backfilled_spans, clipped, merged, pieces_of
from hailstream.reconcile.windows import WindowTable
from hailstream.windows import COUNTS

DAY = 86_400_000
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTED = COUNTS.events.base


def at(day: float) -> datetime:
    return EPOCH + timedelta(days=day)


def month(*days: int) -> Month:
    return Month("yellow-1970-01", "v", "f", "c", 0, {}, {}, {COUNTED: tuple(day * DAY for day in days)})


def test_ranges_that_touch_are_one() -> None:
    spans = [(at(3), at(4)), (at(1), at(2)), (at(2), at(2.5)), (at(1.5), at(1.7)), (at(9), at(9))]
    assert merged(spans) == [(at(1), at(2.5)), (at(3), at(4))]
    assert merged(spans, timedelta(days=0.5)) == [(at(1), at(4))]
    assert clipped(spans, at(2.4), at(3.5)) == [(at(2.4), at(2.5)), (at(3), at(3.5))]
    assert clipped(spans, at(5), None) == []


def test_a_range_is_cut_into_days() -> None:
    assert pieces_of([(at(0.5), at(2.75)), (at(5), at(6))], timedelta(days=1)) == [
        (at(0.5), at(1.5)),
        (at(1.5), at(2.5)),
        (at(2.5), at(2.75)),
        (at(5), at(6)),
    ]


def test_days_of_months_reach_as_far_as_their_zones_have_rows() -> None:
    hour = COUNTS.active_for
    assert backfilled_spans(COUNTS.events, COUNTS.active_for, [month(1, 2), month(30, 2)]) == [
        (at(1) - HOUR, at(3) + hour),
        (at(30) - HOUR, at(31) + hour),
    ]


EARLY, LATE = ((at(day) - HOUR, at(day + 1) + COUNTS.active_for) for day in (1, 30))


def log(first: float, until: float) -> Span:
    """Windows of the log, from the hour on in which the window before its first event ends."""
    return at(first) - HOUR, at(until)


@pytest.mark.parametrize(
    ("reach", "expected", "held_by"),
    [
        # Nothing of the log is archived: the files are all there is.
        (None, [EARLY, LATE], "the files"),
        # The log begins after the files: they are not held back, though nothing of it is final.
        (Reach(0, 0, None, 40 * DAY), [EARLY, LATE], "archive"),
        # It began before them and is not there yet.
        (Reach(round(1.5 * DAY), None, None, 0), [log(0, 1.5)], "archive"),
        # It is in the middle of them, loaded up to noon.
        (Reach(35 * DAY, 34 * DAY, round(30.5 * DAY), 30 * DAY), [EARLY, log(30, 30.5)], "loader"),
        # It is far beyond: what lies between is nobody's.
        (Reach(60 * DAY, None, None, 50 * DAY), [EARLY, LATE, log(50, 60)], "archive"),
    ],
)
def test_files_neither_wait_for_the_stream_without_need_nor_hasten_it(
    reach: Reach | None, expected: list[Span], held_by: str
) -> None:
    assert final_spans(WindowTable(COUNTS), reach, [month(1, 30)]) == (expected, held_by)


def test_many_ranges_are_told_by_their_hours_and_few_one_by_one() -> None:
    few = [(at(day), at(day) + timedelta(hours=2)) for day in range(1, 9)]
    many = [*few, (at(20), at(20) + timedelta(minutes=61))]
    times = [DAY, DAY + 1, DAY + 7_200_000, DAY + 7_200_001, 20 * DAY + 3_660_000, 20 * DAY + 3_660_001, 8 * DAY]
    for spans, expected in ((few, times[1:3]), (many, [*times[1:3], times[4]])):
        with duckdb.connect() as connection:
            query = f"SELECT t FROM unnest({times}) AS times(t) WHERE {any_of('t', spans)} ORDER BY t"
            assert [time for (time,) in connection.execute(query).fetchall()] == expected
            from_begin = any_of("t", spans, "{0} >= {1} AND {0} < {2}")
            query = f"SELECT count(*) FROM unnest({times}) AS times(t) WHERE {from_begin}"
            assert connection.execute(query).fetchall() == [(3,)]
