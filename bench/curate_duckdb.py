"""The same work in plain DuckDB, as the yardstick of one machine: an archive to staging and tables, as Parquet.

    python -m bench.curate_duckdb ARCHIVED_TOPIC FOLDER

Copies are removed, bounds marked, staging is written by date and time of day, and each table of batch curate that
sums up rows is made of it; no checks, no ClickHouse. Prints seconds and sums as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

_KEPT = (
    "coalesce(fare_cents BETWEEN 0 AND 50000, false) AND coalesce(trip_distance_miles BETWEEN 0 AND 100, true)"
    " AND epoch_ms(event_time) - epoch_ms(started_at) BETWEEN 60000 AND 28800000"
)
_STAGING = f"""
SELECT trip_id, started_at, event_time AS ended_at, epoch_ms(event_time) - epoch_ms(started_at) AS lasted,
       epoch_ms(started_at) // 3600000 AS hour, (epoch_ms(started_at) // 900000 % 4)::INT AS quarter,
       date_part('hour', local)::INT AS hour_local, local::DATE AS date, isodow(local)::INT AS weekday,
       ['night', 'morning', 'afternoon', 'evening'][date_part('hour', local)::INT // 6 + 1] AS time_of_day,
       CASE WHEN pickup_location_id BETWEEN 1 AND 265 THEN pickup_location_id ELSE 264 END AS zone_id,
       CASE WHEN dropoff_location_id BETWEEN 1 AND 265 THEN dropoff_location_id ELSE 264 END AS end_zone_id,
       vendor_id, driver_id, vehicle_id, source, payment_type, rate_code, trip_distance_miles AS miles,
       CASE WHEN passenger_count BETWEEN 1 AND 9 THEN passenger_count END AS passengers,
       fare_cents, extra_cents, mta_tax_cents, tip_cents, tolls_cents, improvement_surcharge_cents,
       congestion_surcharge_cents, total_cents, {_KEPT} AS within_bounds,
       concat_ws(',', CASE WHEN trip_distance_miles NOT BETWEEN 0 AND 100 THEN 'distance_outside' END,
         CASE WHEN fare_cents NOT BETWEEN 0 AND 50000 THEN 'fare_outside' END,
         CASE WHEN passenger_count NOT BETWEEN 1 AND 9 THEN 'passengers_outside' END,
         CASE WHEN total_cents < 0 THEN 'refund' END) AS marks
FROM (
  SELECT *, timezone('America/New_York', started_at::TIMESTAMPTZ) AS local FROM read_parquet('{{archive}}/*/*/part-*')
  WHERE kind = 'event'
  QUALIFY row_number() OVER (PARTITION BY trip_id ORDER BY record_time DESC, kafka_offset DESC) = 1
)"""
_SUMS = """
count(*) AS rows, sum(coalesce(total_cents, 0)) AS total, count(*) FILTER (within_bounds) AS trips,
sum(total_cents) FILTER (within_bounds) AS revenue, sum(fare_cents) FILTER (within_bounds) AS fare,
sum(tip_cents) FILTER (within_bounds) AS tip, sum(tolls_cents) FILTER (within_bounds) AS toll,
sum(round(miles * 1000)::BIGINT) FILTER (within_bounds) AS miles, sum(lasted) FILTER (within_bounds) AS lasted,
sum(passengers) AS passengers, count(passengers) AS known_passengers"""
_GROUPS = {
    "daily_summary": "date",
    "hourly_patterns": "weekday, hour_local",
    "payment_analysis": "date, payment_type",
    "distance_analysis": "date, CASE WHEN miles < 1 THEN 1 WHEN miles < 2 THEN 2 WHEN miles < 5 THEN 5 ELSE 100 END",
    "location_analysis": "zone_id, end_zone_id",
    "daily_zone_aggregations": "date, zone_id",
    "vendor_performance": "vendor_id",
    "driver_performance": "driver_id",
    "zone_performance": "zone_id",
    "trip_weather": "hour",
}
_FEATURES = """
WITH counts AS (
  SELECT zone_id, hour, count(*) AS trips,
         [count(*) FILTER (quarter = 0), count(*) FILTER (quarter = 1), count(*) FILTER (quarter = 2),
          count(*) FILTER (quarter = 3)] AS quarters
  FROM staging GROUP BY ALL
), filled AS (
  SELECT zone_id, hour, coalesce(trips, 0) AS trips, quarters
  FROM (FROM (SELECT DISTINCT zone_id FROM counts) CROSS JOIN (SELECT DISTINCT hour FROM counts))
  LEFT JOIN counts USING (zone_id, hour)
)
SELECT *, lag(trips, 1) OVER w, lag(trips, 2) OVER w, lag(trips, 3) OVER w, lag(trips, 24) OVER w,
       lag(trips, 168) OVER w, avg(trips) OVER (w ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING),
       avg(trips) OVER (w ROWS BETWEEN 24 PRECEDING AND 1 PRECEDING),
       avg(trips) OVER (w ROWS BETWEEN 168 PRECEDING AND 1 PRECEDING)
FROM filled WINDOW w AS (PARTITION BY zone_id ORDER BY hour)"""


def main(archive: str, folder: str) -> None:
    """Do it, and say how long it took."""
    began = time.monotonic()
    into = Path(folder)
    with duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = '{into / 'spilled'}'")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"COPY ({_STAGING.format(archive=archive)}) TO '{into / 'staging'}'"
            " (FORMAT parquet, PARTITION_BY (date, time_of_day))"
        )
        connection.execute(f"CREATE VIEW staging AS FROM read_parquet('{into / 'staging'}/*/*/*')")
        staged = time.monotonic()
        for table, key in _GROUPS.items():
            query = f"SELECT {key}, {_SUMS} FROM staging GROUP BY ALL ORDER BY ALL"
            connection.execute(f"COPY ({query}) TO '{into / table}.parquet' (FORMAT parquet)")
        connection.execute(f"COPY ({_FEATURES}) TO '{into}/demand_features.parquet' (FORMAT parquet)")
        ended = time.monotonic()
        sums = f"SELECT sum(rows), sum(total) FROM '{into}/payment_analysis.parquet'"
        [(rows, total)] = connection.sql(sums).fetchall()
    print(json.dumps({"staging": staged - began, "all": ended - began, "rows": int(rows), "total": int(total)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
