"""The windows that the log gives, in a few lines of DuckDB per metric.

The rules are those of the stream, written down a second time: a row is late
when its partition had closed its minute; a trip counts once in a minute, with
the smallest of each value where copies disagree; a zone has rows until an hour
after its last event.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

MINUTE_MS = 60_000


@dataclass(frozen=True)
class Recount:
    """How to recount a metric.

    Attributes:
        log: table of the log.
        size, slide: minutes.
        values: what an event contributes, from the columns of the log.
        sums: the columns of a window, from the values of its trips.
    """

    metric: str
    log: str
    size: int
    slide: int
    values: dict[str, str]
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
    values={
        "riders": "if(passenger_count BETWEEN 1 AND 9, passenger_count, NULL)",
        "driver": "driver_id",
    },
    sums={
        "trips": "count(*)",
        "passengers": "coalesce(sum(riders), 0)",
        "known_passengers": "count(riders)",
        "drivers": "count(DISTINCT driver)",
    },
)
REVENUE = Recount(
    "zone_revenue",
    "ended_log",
    size=10,
    slide=2,
    values={
        "inside": f"if({_KEPT}, 1, 0)",
        "paid": "coalesce(total, 0)",
        "fare_inside": f"if({_KEPT}, fare, 0)",
        "tip_inside": f"if({_KEPT}, coalesce(tip, 0), 0)",
        "tolls_inside": f"if({_KEPT}, coalesce(tolls, 0), 0)",
    },
    sums={
        "rows": "count(*)",
        "total_sum": "sum(paid)",
        "trips": "sum(inside)",
        "fare_sum": "sum(fare_inside)",
        "fare_sq": "sum(fare_inside::HUGEINT * fare_inside)",
        "tip_sum": "sum(tip_inside)",
        "toll_sum": "sum(tolls_inside)",
        "excluded": "sum(1 - inside)",
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
    late_counts: bool = False,
) -> Accounts:
    """Make the table ``<metric>_expected`` from the log table.

    Args:
        connection: has the log table.
        how: the metric.
        disorder_ms: the jobs' allowed disorder.
        horizon_ms: the replay's declared end; None: none was declared.
        active_minutes: how long a zone has rows after its last event.
        late_counts: nothing is late, as for one who could wait.
    """
    plausible = "true" if horizon_ms is None else f"record_time <= {horizon_ms}"
    name, size, slide = how.metric, how.size * MINUTE_MS, how.slide * MINUTE_MS
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name}_events AS
        SELECT *, event_time // {MINUTE_MS} * {MINUTE_MS} AS minute,
               {not late_counts} AND watermark >= minute + {MINUTE_MS} - 1 AS late
        FROM (SELECT *, max(record_time) FILTER ({plausible}) OVER
                        (PARTITION BY "partition" ORDER BY "offset" ROWS UNBOUNDED PRECEDING)
                        - {disorder_ms} AS watermark
              FROM {how.log})
        WHERE readable AND {plausible}""")
    closed = _closed_until(connection, how, plausible, disorder_ms)
    smallest = ", ".join(f"min({value}) AS {column}" for column, value in how.values.items())
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name}_trips AS
        SELECT minute, trip_id, min(zone_id) AS zone_id, {smallest}, count(*) AS copies
        FROM {name}_events WHERE NOT late GROUP BY minute, trip_id""")
    # Each minute is in size / slide windows; the first ends at the next multiple of slide.
    sums = ", ".join(f'{value} AS "{column}"' for column, value in how.sums.items())
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name}_counted AS
        SELECT zone_id, window_end, {sums}, sum(copies - 1) AS duplicates
        FROM (SELECT *, unnest(generate_series((minute // {slide} + 1) * {slide},
                                               minute // {slide} * {slide} + {size}, {slide})) AS window_end
              FROM {name}_trips)
        GROUP BY zone_id, window_end""")
    zeros = ", ".join(f'coalesce("{column}", 0) AS "{column}"' for column in (*how.sums, "duplicates"))
    lag = active_minutes * MINUTE_MS - size
    connection.execute(f"""
        CREATE OR REPLACE TABLE {name}_expected AS
        WITH active AS (SELECT DISTINCT zone_id, unnest(generate_series(window_end, window_end + {lag}, {slide}))
                               AS window_end FROM {name}_counted)
        SELECT zone_id, window_end - {size} AS window_start, window_end, {zeros}
        FROM active LEFT JOIN {name}_counted USING (zone_id, window_end)
        WHERE window_end - 1 <= {closed}""")
    decoded, late = connection.execute(f"SELECT count(*), count(*) FILTER (late) FROM {name}_events").fetchall()[0]
    counted, copies = connection.execute(f"SELECT count(*), coalesce(sum(copies), 0) FROM {name}_trips").fetchall()[0]
    return Accounts(decoded=decoded, counted=counted, late=late, duplicate=int(copies) - counted)


def _closed_until(connection: duckdb.DuckDBPyConnection, how: Recount, plausible: str, disorder_ms: int) -> int:
    """The watermark at the end of the log: the least of its partitions."""
    found = connection.execute(f"""
        SELECT min(newest) FROM (SELECT max(record_time) FILTER ({plausible}) - {disorder_ms} AS newest
                                 FROM {how.log} GROUP BY "partition")""").fetchall()
    return -1 if found[0][0] is None else int(found[0][0])
