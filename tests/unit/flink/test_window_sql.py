"""The compiler of windowed metrics, as text: what it writes runs in the integration tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hailstream.flink.window_sql import compile_metric, interval
from hailstream.windows import COUNTS, METRICS, REVENUE


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=5), "INTERVAL '0 00:00:05.000' DAY TO SECOND(3)"),
        (timedelta(minutes=59, milliseconds=999), "INTERVAL '0 00:59:00.999' DAY TO SECOND(3)"),
        (timedelta(days=2, hours=3), "INTERVAL '2 03:00:00.000' DAY TO SECOND(3)"),
    ],
)
def test_an_interval_keeps_its_milliseconds(duration: timedelta, text: str) -> None:
    assert interval(duration) == text


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_every_view_is_used_by_what_follows_it(metric: object) -> None:
    compiled = compile_metric(metric, "timely", 1)  # type: ignore[arg-type]
    queries = [view.query for view in compiled.views] + [compiled.rows]
    for n, view in enumerate(compiled.views):
        assert any(view.name in query for query in queries[n + 1 :]), view.name


def test_a_zone_is_active_an_hour_after_its_last_event_and_no_window_longer() -> None:
    # An event's last window ends 5 minutes after it; 55 more of them make the hour: rows of 56 ends.
    active = next(view for view in compile_metric(COUNTS, "timely", 1).views if view.name.endswith("_active"))
    assert interval(timedelta(minutes=56)) in active.query
    active = next(view for view in compile_metric(REVENUE, "timely", 1).views if view.name.endswith("_active"))
    assert interval(timedelta(minutes=52)) in active.query


def test_sums_of_cents_become_exact_decimals() -> None:
    rows = compile_metric(REVENUE, "timely", 7).rows
    assert "CAST(CAST(SUM(`total_sum`) AS DECIMAL(19, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS DECIMAL(18, 2))" in rows
    assert "CAST(CAST(SUM(`fare_sq`) AS DECIMAL(19, 0)) * CAST(0.0001 AS DECIMAL(5, 4)) AS DECIMAL(22, 4))" in rows
    assert "7 AS generation" in rows


@pytest.mark.parametrize(
    "change",
    [
        {"slide": timedelta(seconds=30)},
        {"slide": timedelta(minutes=2)},
        {"active_for": timedelta(minutes=1, seconds=1)},
    ],
)
def test_a_window_that_minutes_do_not_make_up_is_refused(change: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="zone_counts"):
        replace(COUNTS, **change)  # type: ignore[arg-type]
