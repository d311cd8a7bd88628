"""History out of ClickHouse: of the view ``zone_counts``, or of ``demand_features``, which batch curate makes."""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from hailstream.domain.forecast.history import History, history_of
from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_WEEK
from hailstream.errors import HailstreamError
from hailstream.forecast.source import Source
from hailstream.settings import Settings
from hailstream.sql_commands import Format, ask

_SECONDS = QUARTER_MS // 1000


_FILLED_BY: Final = {
    Source.ZONE_COUNTS: "`hailstream jobs run city` and `hailstream load clickhouse` fill it",
    Source.DEMAND_FEATURES: "`hailstream batch curate` fills it",
}


def read_history(settings: Settings, weeks: int, source: Source = Source.ZONE_COUNTS) -> History:
    """The closed quarters of the ``weeks`` before the newest window, or hour, of the namespace, by event time.

    Raises:
        HailstreamError: the server cannot be reached, the database is not there, or the view holds no trips.
    """
    query = statement(weeks) if source is Source.ZONE_COUNTS else features_statement(weeks)
    rows = pl.read_csv(
        io.BytesIO(ask(settings, query, Format.CSV)),
        schema={"zone_id": pl.Int64, "quarter": pl.Int64, "starts": pl.Int64},
    )
    if rows.is_empty():
        raise HailstreamError(
            f"{source} in {settings.database} holds no trips to learn from",
            hint=f"{_FILLED_BY[source]}; --namespace names another",
        )
    return history_of(*(rows[name].to_numpy() for name in ("zone_id", "quarter", "starts")))


def features_statement(weeks: int) -> str:
    """Starts by zone and quarter, out of the quarters of each hour."""
    return f"""
        WITH (SELECT max(hour_start) + INTERVAL 1 HOUR FROM demand_features WHERE trips > 0) AS newest
        SELECT zone_id, intDiv(toUnixTimestamp(hour_start), {_SECONDS}) + place - 1 AS quarter, starts
        FROM demand_features
        ARRAY JOIN quarter_trips AS starts, arrayEnumerate(quarter_trips) AS place
        WHERE hour_start >= newest - INTERVAL {weeks} WEEK AND starts > 0
        ORDER BY zone_id, quarter
    """


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
