"""Of which windows batch can say the last word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.archive.months import Month
from hailstream.domain.millis import from_ms
from hailstream.reconcile.reach import Reach
from hailstream.reconcile.run import final_spans
from hailstream.reconcile.spans import Span, backfilled_spans, clipped, inside, merged, pieces_of
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


def test_a_time_is_in_a_range_up_to_its_end_and_without_its_begin() -> None:
    spans = [(at(1), at(2)), (at(2) + HOUR, at(3))]
    edges = [0, DAY, DAY + 1, 2 * DAY, 2 * DAY + 1, 2 * DAY + 3_600_000, 2 * DAY + 3_600_001, 3 * DAY, 3 * DAY + 1]
    found = inside(np.array(edges), spans)
    assert found.tolist() == [False, False, True, True, False, False, True, True, False]


@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 31), max_size=40))
def test_a_time_is_inside_where_one_range_has_it(edges: list[int], times: list[int]) -> None:
    spans = merged(
        (from_ms(begin), from_ms(end)) for begin, end in zip([0, *edges[::2]], [1, *edges[1::2]], strict=False)
    )
    found = inside(np.array(times, np.int64), spans)
    assert found.tolist() == [any(begin < from_ms(time) <= end for begin, end in spans) for time in times]
