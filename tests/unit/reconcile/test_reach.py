"""What the slowest of archive, job and loader has reached is final."""

from __future__ import annotations

import pytest

from hailstream.reconcile.reach import Reach, window_end_of


@pytest.mark.parametrize(
    ("reach", "until", "held_by"),
    [
        (Reach(30, None, None), 30, "archive"),
        (Reach(30, 20, None), 20, "job"),
        (Reach(30, 20, 10), 10, "loader"),
        (Reach(10, 20, 30), 10, "archive"),
        (Reach(30, 0, 10), 0, "job"),
    ],
)
def test_the_slowest_holds_the_others_back(reach: Reach, until: int, held_by: str) -> None:
    assert (reach.until, reach.held_by) == (until, held_by)


def test_a_result_message_tells_its_window_by_its_key() -> None:
    key = '{"zone_id":74,"window_start":"2024-01-17 08:40:00","window_end":"2024-01-17 08:45:00"}'
    assert window_end_of(key) == 1_705_481_100_000
