"""History out of the ClickHouse view ``zone_counts``."""

from __future__ import annotations

import io

import polars as pl

from hailstream.domain.forecast.history import History, history_of
from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_WEEK
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.sql_commands import Format, ask

_SECONDS = QUARTER_MS // 1000


def read_history(settings: Settings, weeks: int) -> History:
    """The closed quarters of the ``weeks`` before the newest window of the namespace, by event time.

    Raises:
        HailstreamError: the server cannot be reached, the database is not there, or the view holds no trips.
    """
    rows = pl.read_csv(
        io.BytesIO(ask(settings, statement(weeks), Format.CSV)),
        schema={"zone_id": pl.Int64, "quarter": pl.Int64, "starts": pl.Int64},
    )
    if rows.is_empty():
        raise HailstreamError(
            f"zone_counts in {settings.database} holds no trips to learn from",
            hint="`hailstream jobs run city` and `hailstream load clickhouse` fill it; --namespace names another",
        )
    return history_of(*(rows[name].to_numpy() for name in ("zone_id", "quarter", "starts")))


def statement(weeks: int) -> str:
    """Starts by zone and quarter, out of the windows of five minutes that do not overlap."""
    return f"""
        WITH (SELECT max(window_end) FROM zone_counts_raw) AS newest,
             intDiv(toUnixTimestamp(newest), {_SECONDS}) AS open
        SELECT zone_id, intDiv(toUnixTimestamp(window_start), {_SECONDS}) AS quarter, sum(trips) AS starts
        FROM zone_counts
        WHERE window_start >= newest - INTERVAL {weeks} WEEK - INTERVAL 1 HOUR
          AND toMinute(window_start) % 5 = 0 AND trips > 0
          AND quarter >= open - {weeks * QUARTERS_A_WEEK} AND quarter < open
        GROUP BY zone_id, quarter
        ORDER BY zone_id, quarter
    """
