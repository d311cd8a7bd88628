"""Windows of years are computed in parts of about the same size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hailstream.archive.months import Month, Part
from hailstream.backfill.windows import first_days
from hailstream.topics import EVENT_TOPICS

DAY = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def month(rows: int, *days: int) -> Month:
    parts = {topic.base: (Part("p", rows, 0, 1),) for topic in EVENT_TOPICS}
    return Month("yellow-1970-01", "v", "f", "c", rows, {}, parts, dict.fromkeys(parts, tuple(d * DAY for d in days)))


def days(*months: Month) -> list[int]:
    return [(start - EPOCH) // timedelta(days=1) for start in first_days(months)]


def test_few_rows_are_one_part_however_far_apart() -> None:
    assert days(month(100, 3, 4), month(100, 9000)) == [3]
    assert days() == []


def test_many_rows_are_several_and_a_day_is_never_cut() -> None:
    assert days(month(10_000_000, *range(31))) == [0, 10, 20, 30]
    # Two files of the same days add up, to no more than a day can have.
    one, two = month(100_000, *range(31)), month(55_000, *range(31))
    assert days(month(155_000, *range(31))) == days(one, two) == [0, 12, 24]
