"""ClickHouse's prices and forecasts held against the log.

What happened in each zone and minute is counted by queries over all events at
once. Prices and forecasts are pure functions of these sums, and are taken from there.
"""

from __future__ import annotations

import polars as pl

from hailstream.clickhouse import reachable
from hailstream.domain.forecast.forecast import Forecast
from hailstream.domain.forecast.profile import Profile
from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.sums import ZoneSums
from hailstream.domain.surge.surge import Surge
from hailstream.proof.eventlog import EventLog
from hailstream.proof.rows import RowsProof, compare_rows

_MINUTE_MS = 60_000
_IDLE_MS = 30 * _MINUTE_MS


class ZoneProver:
    """Counts a log by zone and minute, and says what prices and forecasts follow.

    Args:
        log: of the namespace.
        policies, profile: that held all the time.
    """

    def __init__(self, log: EventLog, policies: Policies | None = None, profile: Profile | None = None) -> None:
        self._log = log
        log.prepare()
        minutes = _minutes(log)
        surge, forecast = Surge(), Forecast()
        prices, forecasts = [], []
        for end, zones in minutes:
            prices += surge.minute(end, zones, policies or Policies())
            starts = {zone: sums.starts for zone, sums in zones.items() if sums.starts}
            forecasts += forecast.minute(end, starts, profile or Profile.empty())
        prices_frame = pl.DataFrame(
            [
                (p.zone_id, p.window_end, p.demand, p.supply, p.ratio, p.multiplier_tenths, str(p.reason), p.policy)
                for p in prices
            ],
            schema=["zone_id", "window_end", "demand", "supply", "ratio", "multiplier", "reason", "policy"],
            orient="row",
        )
        columns = ["zone_id", "window_start", "window_end", "expected", "low", "high", "level", "profile", "wape_24h"]
        forecast_frame = pl.DataFrame(
            [tuple(getattr(made, column) for column in columns) for made in forecasts],
            schema=columns,
            orient="row",
            infer_schema_length=None,
        )
        for name, frame in (("prices_frame", prices_frame), ("forecasts_frame", forecast_frame)):
            log.connection.register(name, frame.to_arrow())
        log.connection.execute("CREATE OR REPLACE TEMP TABLE zone_surge_expected AS FROM prices_frame")
        log.connection.execute("CREATE OR REPLACE TEMP TABLE zone_forecast_expected AS FROM forecasts_frame")

    def expected_rows(self) -> dict[str, int]:
        """How many rows each table has when everything is loaded."""
        tables = ("zone_surge", "zone_forecast")
        return {table: int(self._log.value(f"SELECT count(*) FROM {table}_expected")) for table in tables}

    def compare_prices(self) -> RowsProof:
        """Compare every price; the loaders must have caught up.

        Raises:
            HailstreamError: the database cannot be read.
        """
        return self._compare(
            "zone_surge",
            "toInt64(zone_id) AS zone_id, toUnixTimestamp64Milli(window_end) AS window_end, toInt64(demand) AS demand,"
            " toInt64(supply) AS supply, ratio, toInt64(multiplier * 10) AS multiplier, reason, policy",
            ["zone_id", "window_end"],
        )

    def compare_forecasts(self) -> RowsProof:
        """Compare every forecast, as :meth:`compare_prices`."""
        return self._compare(
            "zone_forecast",
            "toInt64(zone_id) AS zone_id, toUnixTimestamp64Milli(window_start) AS window_start,"
            " toUnixTimestamp64Milli(window_end) AS window_end, expected, low, high, level, profile, wape_24h",
            ["zone_id", "window_start", "window_end"],
        )

    def _compare(self, table: str, columns: str, key: list[str]) -> RowsProof:
        settings = self._log.settings
        with reachable(settings, database=settings.database) as client:
            found = client.query_arrow(f"SELECT {columns} FROM {table}")
        return compare_rows(self._log.connection, table, f"{table}_expected", found, key)


def _minutes(log: EventLog) -> list[tuple[int, dict[int, ZoneSums]]]:
    """(end, zone to sums) of each minute in which something happened, and of the last that was told."""
    rows = log.connection.execute(f"""
        WITH minutes AS (
            SELECT zone_id AS zone, event_time // {_MINUTE_MS} AS minute, 1 AS starts, 0 AS ends, 0 AS driven, 0 AS idle
            FROM starts
            UNION ALL
            SELECT end_zone_id, event_time // {_MINUTE_MS}, 0, 1, (driver_id IS NOT NULL)::INT, 0 FROM ends
            UNION ALL
            SELECT zone, since // {_MINUTE_MS}, 0, 0, 0, 1 FROM ({_IDLE})
            UNION ALL
            SELECT zone, until // {_MINUTE_MS}, 0, 0, 0, -1 FROM ({_IDLE})),
        over AS (
            SELECT max((record_time // {_MINUTE_MS} + 1) * {_MINUTE_MS}) AS minute_end
            FROM (SELECT record_time FROM started_log UNION ALL SELECT record_time FROM ended_log)
            WHERE {log.plausible}
              AND (record_time // {_MINUTE_MS} + 1) * {_MINUTE_MS} < (SELECT watermark FROM passed))
        SELECT (minute + 1) * {_MINUTE_MS} AS minute_end, zone, sum(starts), sum(ends), sum(driven), sum(idle)
        FROM minutes WHERE (minute + 1) * {_MINUTE_MS} <= (SELECT minute_end FROM over)
        GROUP BY ALL
        UNION ALL
        SELECT minute_end, NULL, 0, 0, 0, 0 FROM over
        ORDER BY ALL""").fetchall()
    minutes: dict[int, dict[int, ZoneSums]] = {}
    for end, zone, *sums in rows:
        zones = minutes.setdefault(end, {})
        if zone is not None:
            zones[zone] = ZoneSums(*map(int, sums))
    return sorted(minutes.items())


# When each taxi is idle, and where: from an end to the driver's next event, thirty minutes at most.
_IDLE = f"""
    SELECT zone, time AS since, least(coalesce(lead(time) OVER driven, time + {_IDLE_MS}), time + {_IDLE_MS}) AS until,
           is_end
    FROM (SELECT driver_id, event_time AS time, 0 AS rank, trip_id, end_zone_id AS zone, true AS is_end FROM ends
          UNION ALL
          SELECT driver_id, event_time, 1, trip_id, zone_id, false FROM starts)
    WHERE driver_id IS NOT NULL
    WINDOW driven AS (PARTITION BY driver_id ORDER BY time, rank, trip_id)
    QUALIFY is_end"""
