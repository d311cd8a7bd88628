"""The same windows by Flink's own means: its avro-confluent format, no late rule, and what comes twice counts twice.

An unreadable message ends this job, a late event is dropped by the windows
without a word, and no zone ever says zero. Results are written exactly once.

flink run -py bench/jobs/unprotected.py
"""

from __future__ import annotations

from pyflink.table import TableEnvironment

from hailstream.domain.rules import BOUNDS
from hailstream.domain.zones import UNKNOWN
from hailstream.flink.environment import create_environment
from hailstream.flink.event_time import watermark_sql
from hailstream.flink.run_job import job_title
from hailstream.flink.tables import java_client_config, sink_ddl, table_name
from hailstream.flink.window_sql import interval
from hailstream.local.topics_admin import create_topics
from hailstream.settings import Settings, load_settings
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic
from hailstream.windows import METRICS, Measure, WindowedMetric

JOB = "unprotected"

# As fields of the message, in the types that Flink's format reads them in; no more of them than the windows need.
_FIELDS = {
    TRIPS_STARTED: {"pickup_location_id": "INT", "passenger_count": "INT", "driver_id": "STRING"},
    TRIPS_ENDED: {
        "pickup_location_id": "INT",
        "event_time": "TIMESTAMP(3) NOT NULL",
        "started_at": "TIMESTAMP(3)",
        "trip_distance_miles": "DOUBLE",
        "fare_amount": "DECIMAL(10, 2)",
        "tip_amount": "DECIMAL(10, 2)",
        "tolls_amount": "DECIMAL(10, 2)",
        "total_amount": "DECIMAL(10, 2)",
    },
}


def columns_sql(topic: Topic) -> str:
    """The columns that the metric's measures read, from the message's fields."""
    if topic is TRIPS_STARTED:
        known = f"passenger_count BETWEEN {BOUNDS.passengers.low:g} AND {BOUNDS.passengers.high:g}"
        return f"CASE WHEN {known} THEN passenger_count END AS passengers, driver_id"
    minutes = "TIMESTAMPDIFF(SECOND, started_at, event_time) / 60.0"
    kept = (
        f"fare_amount * 100 BETWEEN {BOUNDS.fare.low:.0f} AND {BOUNDS.fare.high:.0f}"
        f" AND COALESCE(trip_distance_miles BETWEEN {BOUNDS.distance.low:g} AND {BOUNDS.distance.high:g}, TRUE)"
        f" AND {minutes} BETWEEN {BOUNDS.duration.low:g} AND {BOUNDS.duration.high:g}"
    )
    cents = {
        f"{name}_cents": f"CASE WHEN {kept} THEN CAST({field} * 100 AS BIGINT) ELSE 0 END"
        for name, field in (("fare", "fare_amount"), ("tip", "tip_amount"), ("toll", "tolls_amount"))
    }
    return (
        f"CASE WHEN {kept} THEN 1 ELSE 0 END AS kept, CAST(total_amount * 100 AS BIGINT) AS total_cents, "
        + ", ".join(f"{sql} AS {name}" for name, sql in cents.items())
    )


def insert(table_env: TableEnvironment, metric: WindowedMetric, settings: Settings) -> str:
    """Create the metric's tables and views; the statement that writes its rows."""
    source = table_name(metric.events)
    fields = ", ".join(f"`{name}` {kind}" for name, kind in _FIELDS[metric.events].items())
    options = {
        "connector": "kafka",
        "topic": metric.events.name(settings.namespace),
        **{f"properties.{name}": value for name, value in java_client_config(settings).items()},
        "properties.group.id": settings.consumer_group(JOB),
        "scan.startup.mode": "earliest-offset",
        "format": "avro-confluent",
        "avro-confluent.url": settings.registry_address,
    }
    listed = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
    watermark = watermark_sql(settings).replace("event_time", "row_time")
    table_env.execute_sql(
        f"CREATE TEMPORARY TABLE {source}_native ({fields}, row_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'"
        f" VIRTUAL, WATERMARK FOR row_time AS {watermark}) WITH ({listed})"
    )
    events = f"{metric.name}_events"
    table_env.execute_sql(
        f"CREATE TEMPORARY VIEW {events} AS SELECT COALESCE(pickup_location_id, {UNKNOWN}) AS zone_id,"
        f" {columns_sql(metric.events)}, row_time FROM {source}_native"
    )
    table_env.execute_sql(sink_ddl(metric.results, settings, JOB))
    return (
        f"INSERT INTO `{table_name(metric.results)}` SELECT zone_id, window_start, window_end,"
        f" {', '.join(map(_measure, metric.measures))}, CAST(0 AS BIGINT), {settings.generation}"
        f" FROM TABLE(HOP(TABLE {events}, DESCRIPTOR(row_time), {interval(metric.slide)}, {interval(metric.size)}))"
        " GROUP BY window_start, window_end, zone_id"
    )


def _measure(measure: Measure) -> str:
    number = {
        "count": "COUNT(*)",
        "sum": f"COALESCE(SUM({measure.value}), 0)",
        "count_known": f"COUNT({measure.value})",
        "count_distinct": f"COUNT(DISTINCT {measure.value})",
    }[measure.aggregate]
    number = f"CAST({number} AS BIGINT)"
    if measure.scale == 0:
        return number
    kind = {2: "DECIMAL(18, 2)", 4: "DECIMAL(22, 4)"}[measure.scale]
    return f"CAST(CAST({number} AS DECIMAL(19, 0)) * {10**-measure.scale:.{measure.scale}f} AS {kind})"


def main() -> None:
    settings = load_settings()
    create_topics(settings)
    table_env = create_environment(settings, job_title(JOB, settings))
    table_env.get_config().set("table.exec.uid.generation", "DISABLED")
    statements = table_env.create_statement_set()
    for metric in METRICS.values():
        statements.add_insert_sql(insert(table_env, metric, settings))
    statements.execute()


if __name__ == "__main__":
    main()
