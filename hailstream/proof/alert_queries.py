"""What each rule of alerts finds in the log, as a query of DuckDB.

The rules of :mod:`hailstream.domain.alerts`, written down a second time, over
all events at once. Each query gives ``trip_id`` and ``other_trip_id``. They
read the tables that :func:`prepare` makes:

``starts``, ``ends``
    events that were told to the folds in time, each trip once, and nothing
    that the watermark at the end of the log has not passed;
``all_ends``
    every end, late ones too, with ``told``: its time, or the watermark it met;
``driven``
    the ends that are no refunds;
``cards``, ``places``
    rate cards by their first moment; middles of zones.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Final

import duckdb

from hailstream.domain.alerts.alert import (
    END_DISAGREES,
    FARE_OFF_CARD,
    FARE_OUTLIER,
    IMPLAUSIBLE_SPEED,
    IMPOSSIBLE_TRAVEL,
    OVERLAPPING_TRIPS,
    REFUND_OF_FARE,
    RIDE_OPEN_TOO_LONG,
    TOO_MANY_TRIPS,
    TRIP_OUTSIDE_BOUNDS,
    TWO_VEHICLES,
)
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.clock import NEW_YORK_ZONE
from hailstream.domain.fares import RATE_CARDS
from hailstream.domain.zones import UNKNOWN, ZONES

_LAST_MS: Final = 28_800_000  # the longest trip
_METERED: Final = """
    SELECT e.*, (event_time - started_at) / 1000 AS seconds, c.*,
           initial + if(rate_code = 3, newark, 0) AS above,
           greatest(distance * 5, seconds / 60) AS low, distance * 5 + seconds / 60 AS high
    FROM {ends} e ASOF JOIN cards c ON e.started_at >= c.since"""


def prepare(connection: duckdb.DuckDBPyConnection, *, disorder_ms: int, horizon_ms: int | None) -> None:
    """Make the tables that the queries read, from ``started_log`` and ``ended_log``."""
    plausible = "true" if horizon_ms is None else f"record_time <= {horizon_ms}"
    for log, kind in (("started_log", "starts"), ("ended_log", "ends")):
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE all_{kind} AS
            SELECT *, greatest(event_time, watermark) AS told
            FROM (SELECT *, max(record_time) FILTER ({plausible}) OVER
                            (PARTITION BY "partition" ORDER BY "offset" ROWS UNBOUNDED PRECEDING)
                            - {disorder_ms} AS watermark
                  FROM {log})
            WHERE readable AND {plausible}""")
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE {kind} AS
            SELECT DISTINCT ON (trip_id, event_time) * FROM all_{kind}
            WHERE event_time >= watermark AND event_time < ({_passed(plausible, disorder_ms)})""")
    connection.execute("CREATE OR REPLACE TEMP TABLE driven AS SELECT * FROM ends WHERE coalesce(total, 0) >= 0")
    connection.execute("CREATE OR REPLACE TEMP TABLE cards (since BIGINT, initial INT, unit INT, flat INT, newark INT)")
    for number, card in enumerate(RATE_CARDS):
        first = round(datetime.combine(card.since, time(), NEW_YORK_ZONE).timestamp() * 1000) if number else 0
        connection.execute(
            "INSERT INTO cards VALUES (?, ?, ?, ?, ?)", [first, card.initial, card.unit, card.jfk_flat, card.newark]
        )
    connection.execute("CREATE OR REPLACE TEMP TABLE places (zone INT, lat DOUBLE, lon DOUBLE)")
    connection.executemany(
        "INSERT INTO places VALUES (?, ?, ?)", [[zone.zone_id, zone.latitude, zone.longitude] for zone in ZONES]
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE passed AS SELECT ({_passed(plausible, disorder_ms)}) AS watermark"
    )


def _passed(plausible: str, disorder_ms: int) -> str:
    """The watermark behind which everything was told: the least of all partitions."""
    logs = "SELECT 1 AS topic, * FROM started_log UNION ALL SELECT 2, * FROM ended_log"
    return (
        f"SELECT min(newest) FROM (SELECT max(record_time) FILTER ({plausible}) - {disorder_ms} AS newest"
        f' FROM ({logs}) GROUP BY topic, "partition")'
    )


def queries(limits: Thresholds) -> Mapping[str, str]:
    """The query of each rule, by its name."""
    alone = "SELECT DISTINCT trip_id, NULL::VARCHAR AS other_trip_id FROM"
    return {
        IMPLAUSIBLE_SPEED.name: f"""
            {alone} all_ends WHERE event_time > started_at
            AND distance * 3600000 / (event_time - started_at) > {limits.speed_mph}""",
        TRIP_OUTSIDE_BOUNDS.name: f"""
            {alone} all_ends WHERE NOT coalesce(distance BETWEEN 0 AND 100, true)
            OR event_time - started_at NOT BETWEEN 60000 AND {_LAST_MS}""",
        FARE_OFF_CARD.name: f"""
            {alone} ({_METERED.format(ends="all_ends")}) WHERE fare > 0 AND CASE
                WHEN rate_code = 2 THEN fare <> flat
                WHEN rate_code IN (1, 3) AND distance >= 0 AND seconds >= 0 THEN
                    fare < above + unit * floor(greatest(low - 1, 0)) OR fare > above + unit * floor(high + 1)
                    OR (fare - above) % unit <> 0
                ELSE false END""",
        FARE_OUTLIER.name: _outliers(limits),
        IMPOSSIBLE_TRAVEL.name: _travel(limits),
        OVERLAPPING_TRIPS.name: f"""
            SELECT if(a.started_at > b.started_at, a.trip_id, b.trip_id) AS trip_id,
                   if(a.started_at > b.started_at, b.trip_id, a.trip_id) AS other_trip_id
            FROM driven a JOIN driven b ON a.driver_id = b.driver_id
                 AND (a.event_time, a.trip_id) < (b.event_time, b.trip_id)
            WHERE a.event_time - a.started_at BETWEEN 0 AND {_LAST_MS}
              AND b.event_time - b.started_at BETWEEN 0 AND {_LAST_MS}
              AND a.event_time - greatest(a.started_at, b.started_at) > {limits.overlap_seconds} * 1000""",
        TOO_MANY_TRIPS.name: f"""
            {alone} (SELECT a.trip_id, count(*) AS begun FROM starts a JOIN starts b
                     ON a.driver_id = b.driver_id AND b.event_time > a.event_time - 600000
                     AND (b.event_time, b.trip_id) <= (a.event_time, a.trip_id) GROUP BY a.trip_id)
            WHERE begun > {limits.velocity_trips}""",
        TWO_VEHICLES.name: _vehicles(limits),
        RIDE_OPEN_TOO_LONG.name: f"""
            {alone} starts s WHERE event_time + {limits.open_ms} < (SELECT watermark FROM passed)
            AND NOT EXISTS (FROM all_ends e WHERE e.trip_id = s.trip_id
                AND e.told BETWEEN s.event_time - {limits.open_ms} AND s.event_time + {limits.open_ms})""",
        REFUND_OF_FARE.name: f"""
            WITH numbered AS (
                SELECT *, abs(total) AS cents, row_number() OVER
                    (PARTITION BY coalesce(vendor_id, ''), started_at, zone_id, total ORDER BY event_time, trip_id) AS n
                FROM ends WHERE total <> 0)
            SELECT refund.trip_id, fare.trip_id AS other_trip_id
            FROM numbered refund JOIN numbered fare
              ON coalesce(refund.vendor_id, '') = coalesce(fare.vendor_id, '')
             AND (refund.started_at, refund.zone_id, refund.cents, refund.n)
               = (fare.started_at, fare.zone_id, fare.cents, fare.n)
            WHERE refund.total < 0 AND fare.total > 0
              AND abs(refund.event_time - fare.event_time) <= {limits.refund_ms}""",
        END_DISAGREES.name: f"""
            {alone} (
                SELECT DISTINCT ON (s.trip_id) s.trip_id, s.event_time, e.started_at, s.zone_id AS zone,
                       e.zone_id AS end_says, s.driver_id AS driver, e.driver_id AS end_driver
                FROM starts s JOIN all_ends e ON e.trip_id = s.trip_id
                 AND e.told BETWEEN s.event_time - {limits.open_ms} AND s.event_time + {limits.open_ms}
                 AND e.told < (SELECT watermark FROM passed)
                ORDER BY s.trip_id, e.told)
            WHERE abs(event_time - started_at) >= 1000 OR driver <> end_driver
               OR (zone <> end_says AND {UNKNOWN} NOT IN (zone, end_says))""",
    }


def _outliers(limits: Thresholds) -> str:
    return f"""
        WITH ratios AS (
            SELECT trip_id, zone_id, event_time // 60000 AS minute,
                   ln(fare / if(rate_code = 2, flat, above + unit * (low + high) / 2)) AS ratio
            FROM ({_METERED.format(ends="ends")})
            WHERE fare BETWEEN 1 AND 50000 AND distance BETWEEN 0 AND 100
              AND event_time - started_at BETWEEN 60000 AND {_LAST_MS}),
        baselines AS (
            SELECT m.zone_id, m.minute, median(r.ratio) AS middle, mad(r.ratio) AS deviation, count(*) AS samples
            FROM (SELECT DISTINCT zone_id, minute FROM ratios) m
            JOIN ratios r ON r.zone_id = m.zone_id AND r.minute >= m.minute - 60 AND r.minute < m.minute
            GROUP BY ALL)
        SELECT trip_id, NULL::VARCHAR AS other_trip_id FROM ratios JOIN baselines USING (zone_id, minute)
        WHERE samples >= {limits.outlier_samples}
          AND abs(ratio - middle) / greatest(1.4826 * deviation, 0.1) > {limits.outlier_z}"""


def _place(kind: str) -> str:
    """Columns lat and lon of a table: where it was, else the middle of the zone."""
    within = f"{kind}latitude BETWEEN 40.5 AND 41.0 AND {kind}longitude BETWEEN -74.3 AND -73.7"
    return f"if({within}, {kind}latitude, p.lat) AS lat, if({within}, {kind}longitude, p.lon) AS lon"


def _travel(limits: Thresholds) -> str:
    return f"""
        WITH here AS (SELECT s.*, {_place("")} FROM starts s LEFT JOIN places p ON p.zone = s.zone_id
                      WHERE driver_id IS NOT NULL),
        there AS (SELECT DISTINCT ON (driver_id, event_time) e.*, {_place("end_")}
                  FROM driven e LEFT JOIN places p ON p.zone = e.end_zone_id
                  WHERE driver_id IS NOT NULL ORDER BY driver_id, event_time, trip_id DESC),
        ways AS (
            SELECT h.trip_id, t.trip_id AS other_trip_id, h.event_time - t.event_time AS ms,
                   2 * 3958.7613 * asin(sqrt(pow(sin(radians(h.lat - t.lat) / 2), 2)
                     + cos(radians(h.lat)) * cos(radians(t.lat)) * pow(sin(radians(h.lon - t.lon) / 2), 2))) AS miles
            FROM here h ASOF JOIN there t ON h.driver_id = t.driver_id AND h.event_time >= t.event_time)
        SELECT trip_id, other_trip_id FROM ways
        WHERE miles >= {limits.travel_miles} AND miles > {limits.travel_mph} * ms / 3600000"""


def _vehicles(limits: Thresholds) -> str:
    return f"""
        WITH pairs AS (
            SELECT *, lag(trip_id) OVER w AS before, lag(vehicle_id) OVER w AS vehicle_before,
                   lag(event_time) OVER w AS time_before
            FROM starts WHERE driver_id IS NOT NULL
            WINDOW w AS (PARTITION BY driver_id ORDER BY event_time, trip_id)),
        last_ends AS (SELECT DISTINCT ON (driver_id, event_time) * FROM driven WHERE driver_id IS NOT NULL
                      ORDER BY driver_id, event_time, trip_id DESC)
        SELECT p.trip_id, p.before AS other_trip_id
        FROM pairs p ASOF LEFT JOIN last_ends e ON p.driver_id = e.driver_id AND p.event_time >= e.event_time
        WHERE p.vehicle_id <> p.vehicle_before
          AND p.event_time - if(e.trip_id = p.before, e.event_time, p.time_before)
              < {limits.vehicle_minutes} * 60000"""
