"""The windows that the log gives, in a few lines of DuckDB per metric.

The rules are those of the stream, written down a second time: a row is late
when its partition had closed its minute; of the same trip in a minute the
first counts; a zone has rows until an hour after its last event.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

MINUTE_MS = 60_000


@dataclass(frozen=True)
class Recount:
    """How to recount a metric. Durations in minutes; ``sums`` in the columns of the log."""

    metric: str
    log: str
    size: int
    slide: int
    sums: dict[str, str]


_KEPT = (
    "coalesce(fare BETWEEN 0 AND 50000, false) AND coalesce(distance BETWEEN 0 AND 100, true)"
    " AND event_time - started_at BETWEEN 60000 AND 28800000"
)

COUNTS = Recount(
    "zone_counts",
    "started_log",
    size=5,
    slide=1,
    sums={
        "trips": "count(*)",
        "passengers": "coalesce(sum(passenger_count) FILTER (passenger_count BETWEEN 1 AND 9), 0)",
        "known_passengers": "count(*) FILTER (passenger_count BETWEEN 1 AND 9)",
        "drivers": "count(DISTINCT driver_id)",
    },
)
REVENUE = Recount(
    "zone_revenue",
    "ended_log",
    size=10,
    slide=2,
    sums={
        "rows": "count(*)",
        "total_sum": "coalesce(sum(total), 0)",
        "trips": f"count(*) FILTER ({_KEPT})",
        "fare_sum": f"coalesce(sum(fare) FILTER ({_KEPT}), 0)",
        "fare_sq": f"coalesce(sum(fare::HUGEINT * fare) FILTER ({_KEPT}), 0)",
        "tip_sum": f"coalesce(sum(tip) FILTER ({_KEPT}), 0)",
        "toll_sum": f"coalesce(sum(tolls) FILTER ({_KEPT}), 0)",
        "excluded": f"count(*) FILTER (NOT ({_KEPT}))",
    },
)
RECOUNTS = (COUNTS, REVENUE)


@dataclass(frozen=True)
class Accounts:
    """What became of a metric's events. ``decoded`` is the sum of the other three."""

    decoded: int
    counted: int
    late: int
    duplicate: int


def recount(
    connection: duckdb.DuckDBPyConnection,
    how: Recount,
    *,
    disorder_ms: int,
    horizon_ms: int | None,
    active_minutes: int = 60,
) -> Accounts:
    """Make the tables ``<metric>_expected`` and ``<metric>_late`` from the log table.

    Args:
        connection: has the log table.
        how: the metric.
        disorder_ms: the jobs' allowed disorder.
        horizon_ms: the replay's declared end; None: none was declared.
        active_minutes: how long a zone has rows after its last event.
    """
    plausible = "true" if horizon_ms is None else f"record_time <= {horizon_ms}"
    name, size, slide = how.metric, how.size * MINUTE_MS, how.slide * MINUTE_MS
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name}_events AS
        SELECT *, event_time // {MINUTE_MS} * {MINUTE_MS} AS minute, watermark >= minute + {MINUTE_MS} - 1 AS late,
               row_number() OVER (PARTITION BY late, minute, trip_id ORDER BY event_time, "offset") = 1 AS first
        FROM (SELECT *, max(record_time) FILTER ({plausible}) OVER
                        (PARTITION BY "partition" ORDER BY "offset" ROWS UNBOUNDED PRECEDING)
                        - {disorder_ms} AS watermark
              FROM {how.log})
        WHERE readable AND {plausible}""")
    closed = _closed_until(connection, how, plausible, disorder_ms)
    connection.execute(f"CREATE OR REPLACE TABLE {name}_late AS SELECT * FROM {name}_events WHERE late")
    # Each event is in size / slide windows; the first ends at the next multiple of slide.
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name}_placed AS
        SELECT *, unnest(generate_series((event_time // {slide} + 1) * {slide},
                                         (event_time // {slide}) * {slide} + {size}, {slide})) AS window_end
        FROM {name}_events WHERE NOT late""")
    sums = ", ".join(f'{value} AS "{column}"' for column, value in how.sums.items())
    zeros = ", ".join(f'coalesce(c."{column}", 0) AS "{column}"' for column in how.sums)
    lag = active_minutes * MINUTE_MS - size
    connection.execute(f"""
        CREATE OR REPLACE TABLE {name}_expected AS
        WITH counted AS (SELECT zone_id, window_end, {sums} FROM {name}_placed WHERE first GROUP BY ALL),
             seen AS (SELECT zone_id, window_end, count(*) FILTER (NOT first) AS duplicates
                      FROM {name}_placed GROUP BY ALL),
             active AS (SELECT DISTINCT zone_id, unnest(generate_series(window_end, window_end + {lag}, {slide}))
                               AS window_end FROM seen)
        SELECT a.zone_id, a.window_end - {size} AS window_start, a.window_end, {zeros},
               coalesce(s.duplicates, 0) AS duplicates
        FROM active a LEFT JOIN counted c USING (zone_id, window_end) LEFT JOIN seen s USING (zone_id, window_end)
        WHERE a.window_end - 1 <= {closed}""")
    found = connection.execute(f"""
        SELECT count(*), count(*) FILTER (NOT late AND first), count(*) FILTER (late),
               count(*) FILTER (NOT late AND NOT first) FROM {name}_events""").fetchall()
    return Accounts(*found[0])


def _closed_until(connection: duckdb.DuckDBPyConnection, how: Recount, plausible: str, disorder_ms: int) -> int:
    """The watermark at the end of the log: the least of its partitions."""
    found = connection.execute(f"""
        SELECT min(newest) FROM (SELECT max(record_time) FILTER ({plausible}) - {disorder_ms} AS newest
                                 FROM {how.log} GROUP BY "partition")""").fetchall()
    return -1 if found[0][0] is None else int(found[0][0])
