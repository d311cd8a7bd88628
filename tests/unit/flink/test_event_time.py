"""Horizon, watermark and lateness as SQL."""

from __future__ import annotations

import pytest

from hailstream.errors import HailstreamError
from hailstream.flink.event_time import horizon_sql, parse_horizon, watermark_sql
from hailstream.settings import Settings


@pytest.mark.parametrize("text", ["2024-02-01T00:00:00Z", "2024-02-01T00:00:00", "2024-01-31T19:00:00-05:00"])
def test_a_horizon_is_utc_however_it_is_written(text: str) -> None:
    assert horizon_sql(Settings(horizon=text)) == "TO_TIMESTAMP_LTZ(1706745600000, 3)"
    assert parse_horizon(text).isoformat() == "2024-02-01T00:00:00+00:00"


def test_a_horizon_that_is_no_time_names_the_setting() -> None:
    with pytest.raises(HailstreamError, match=r"HAILSTREAM_HORIZON.*tomorrow"):
        horizon_sql(Settings(horizon="tomorrow"))


def test_live_the_horizon_is_a_minute_ahead() -> None:
    assert horizon_sql(Settings(horizon=None)) == "CURRENT_TIMESTAMP + INTERVAL '0 00:01:00.000' DAY TO SECOND(3)"


def test_a_record_beyond_the_horizon_moves_no_watermark() -> None:
    sql = watermark_sql(Settings(horizon="2024-02-01", max_disorder=2.5))
    assert sql.startswith("CASE WHEN event_time > TO_TIMESTAMP_LTZ(1706745600000, 3) THEN CAST(NULL AS")
    assert "event_time - INTERVAL '0 00:00:02.500'" in sql
