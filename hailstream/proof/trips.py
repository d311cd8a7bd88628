"""ClickHouse's trips held against the ends of the log."""

from __future__ import annotations

from hailstream.clickhouse import reachable
from hailstream.proof.eventlog import EventLog
from hailstream.proof.rows import RowsProof, compare_rows

_MONEY = ("fare", "tip", "tolls", "total")
_ROUNDED = {"mph": 2, "tip_rate": 4, "completeness": 3}
_PLAIN = (
    *("trip_id", "zone_id", "end_zone_id", "route", "vendor_id", "driver_id", "vehicle_id", "passengers"),
    *("miles", "seconds", "mph", "payment_type", "rate_code", "tip_rate", "completeness", "within_bounds"),
)


def expected_trips(log: EventLog) -> int:
    """Make the table ``trips_expected``: each trip that ended, once, late ones too; returns how many."""
    log.connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE trips_expected AS
        SELECT trip_id, started_at, event_time AS ended_at, zone_id::INT AS zone_id, end_zone_id::INT AS end_zone_id,
               concat(zone_id, '-', end_zone_id) AS route, vendor_id, driver_id, vehicle_id,
               if(passenger_count BETWEEN 1 AND 9, passenger_count, NULL)::INT AS passengers,
               distance AS miles, (event_time - started_at) / 1000 AS seconds,
               if(event_time > started_at, distance * 3600000 / (event_time - started_at), NULL) AS mph,
               payment_type::INT AS payment_type, rate_code::INT AS rate_code, fare, tip, tolls, total,
               if(fare > 0, tip / fare, NULL) AS tip_rate,
               ((passengers IS NOT NULL)::INT + (distance IS NOT NULL)::INT + (zone_id <> 264)::INT
                      + (end_zone_id <> 264)::INT + (driver_id IS NOT NULL)::INT + (vehicle_id IS NOT NULL)::INT
                      + (payment_type IS NOT NULL)::INT + (rate_code IS NOT NULL)::INT + (fare IS NOT NULL)::INT
                      + (tip IS NOT NULL)::INT + (tolls IS NOT NULL)::INT + (total IS NOT NULL)::INT) / 12
                   AS completeness,
               (fare BETWEEN 0 AND 50000 AND coalesce(distance BETWEEN 0 AND 100, true)
                AND event_time - started_at BETWEEN 60000 AND 28800000)::INT AS within_bounds
        FROM (SELECT DISTINCT ON (trip_id) * FROM ended_log WHERE readable AND {log.plausible})""")
    log.connection.execute("UPDATE trips_expected SET within_bounds = 0 WHERE within_bounds IS NULL")
    return int(log.value("SELECT count(*) FROM trips_expected"))


def compare_trips(log: EventLog) -> RowsProof:
    """Compare every trip; the loaders must have caught up.

    Raises:
        HailstreamError: the database cannot be read.
    """
    money = ", ".join(f"toInt64({name} * 100) AS {name}" for name in _MONEY)
    times = ", ".join(f"toUnixTimestamp64Milli({name}) AS {name}" for name in ("started_at", "ended_at"))
    with reachable(log.settings, database=log.settings.database) as client:
        found = client.query_arrow(f"SELECT {', '.join(_PLAIN)}, {times}, {money} FROM trips")
    return compare_rows(log.connection, "trips", "trips_expected", found, ["trip_id"], _ROUNDED)
