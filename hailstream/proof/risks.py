"""ClickHouse's driver risks held against its alerts, which are held against the log by themselves."""

from __future__ import annotations

import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.domain.alerts.risk import FORGOTTEN, HOUR_MS, MOST_ALERTS, WEIGHTS
from hailstream.proof.eventlog import EventLog
from hailstream.proof.rows import RowsProof, compare_rows


def compare_risks(log: EventLog) -> RowsProof:
    """Compare each driver's score with that of all his alerts at the moment it is of.

    Raises:
        HailstreamError: the database cannot be read.
    """
    settings = log.settings
    half_life = settings.thresholds().risk_half_life_hours * HOUR_MS
    with reachable(settings, database=settings.database) as client:
        alerts = client.query_arrow(
            "SELECT driver_id, toUnixTimestamp64Milli(event_time) AS time, alert_id, severity FROM alerts"
            " WHERE driver_id IS NOT NULL"
        )
        found = client.query_arrow(
            "SELECT driver_id, toUnixTimestamp64Milli(event_time) AS time, score, toInt64(alerts) AS alerts"
            " FROM driver_risk"
        )
    weights = " ".join(f"WHEN '{severity}' THEN {weight}" for severity, weight in WEIGHTS.items())
    log.connection.register("alerts_found", alerts)
    log.connection.register("risks_found", found)
    log.connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE risks_expected AS
        WITH newest AS (
            SELECT * FROM alerts_found
            QUALIFY row_number() OVER (PARTITION BY driver_id ORDER BY time DESC, alert_id DESC) <= {MOST_ALERTS}),
        scored AS (
            SELECT a.driver_id, count(*) AS alerts, max(a.time) AS newest, any_value(r.time) AS time,
                   sum(CASE severity {weights} END * pow(2, (a.time - r.time) / {half_life})) AS score
            FROM newest a LEFT JOIN risks_found r USING (driver_id) GROUP BY a.driver_id)
        SELECT driver_id, if(round(score, 3) < {FORGOTTEN}, 0, score) AS score,
               if(round(score, 3) < {FORGOTTEN}, 0, alerts) AS alerts, time >= newest AS in_time
        FROM scored""")
    with_time = found.append_column("in_time", pa.array([True] * found.num_rows))
    for name in ("alerts_found", "risks_found"):
        log.connection.unregister(name)
    return compare_rows(log.connection, "driver_risk", "risks_expected", with_time, ["driver_id"], {"score": 3})
