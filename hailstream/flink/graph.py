"""One Flink graph put together from sources, views and inserts.

Each topic is scanned and decoded once, however many metrics read it, and each
result topic has one writer, whatever is inserted into it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyflink.table import StatementSet, TableEnvironment

from hailstream.decode import reasons
from hailstream.flink.decode_function import decode_function
from hailstream.flink.event_time import horizon_sql, is_late_sql, watermark_seen_sql
from hailstream.flink.tables import sink_ddl, source_ddl, table_name
from hailstream.flink.window_sql import compile_metric
from hailstream.settings import Settings
from hailstream.topics import EVENTS_LATE, EVENTS_REJECTED, Topic
from hailstream.windows import WindowedMetric


class Graph:
    """Collects what a job reads and writes, then hands it over as one statement set.

    Args:
        table_env: where tables and views are created.
        settings: addresses, namespace, disorder, horizon.
        job: name of the job; part of its transactions' names.
        writer_schemas: known schemas of each event topic's messages, by id.
    """

    def __init__(
        self, table_env: TableEnvironment, settings: Settings, job: str, writer_schemas: dict[Topic, dict[int, str]]
    ) -> None:
        self._env = table_env
        self._settings = settings
        self._job = job
        self._writer_schemas = writer_schemas
        self._inserts: dict[Topic, list[str]] = {}

    def read_events(self, topic: Topic, columns: Sequence[str]) -> str:
        """Source and views of a topic's decoded events; unreadable messages are dead-lettered.

        Returns:
            the view of all its records in offset order: the decoded ``columns``,
            ``error``, and the ``watermark`` each met.
        """
        name = table_name(topic)
        function = f"decode_{name}"
        self._env.execute_sql(source_ddl(topic, self._settings, self._job))
        self._env.create_temporary_system_function(
            function, decode_function(topic, columns, self._writer_schemas[topic], self._settings)
        )
        fields = ", ".join(f"event.{column} AS {column}" for column in ("detail", "trip_id", "zone_id", *columns))
        future = f"`value` IS NOT NULL AND event_time > {horizon_sql(self._settings)}"
        decoded = self._view(
            f"{name}_decoded",
            f"SELECT `value`, event_time, kafka_partition, kafka_offset, arrival,"
            f" CASE WHEN {future} THEN '{reasons.FUTURE}' ELSE event.error END AS error, {fields} FROM ("
            "SELECT `value`, event_time, kafka_partition, kafka_offset, arrival,"
            f" {function}(`value`, event_time) AS event FROM `{name}_raw`)",
        )
        records = self._view(name, f"SELECT *, {watermark_seen_sql(self._settings)} AS `watermark` FROM {decoded}")
        self._insert(
            EVENTS_REJECTED,
            f"SELECT '{topic.name(self._settings.namespace)}', kafka_partition, kafka_offset,"
            f" CAST(event_time AS TIMESTAMP(3)), error, COALESCE(detail, ''), `value` FROM {records}"
            " WHERE error IS NOT NULL",
        )
        return records

    def split_late(self, metric: WindowedMetric, records: str) -> str:
        """Send a metric's late events to their topic.

        Returns:
            the view of the events that are in time for its windows.
        """
        is_event = "`value` IS NOT NULL AND error IS NULL"
        self._insert(
            EVENTS_LATE,
            f"SELECT '{metric.events.name(self._settings.namespace)}', kafka_partition, kafka_offset, '{metric.name}',"
            " CAST(event_time AS TIMESTAMP(3)), CAST(`watermark` AS TIMESTAMP(3)), trip_id, zone_id, `value`"
            f" FROM {records} WHERE {is_event} AND {is_late_sql()}",
        )
        columns = ", ".join(metric.columns)
        return self._view(
            f"{metric.name}_on_time",
            f"SELECT event_time, trip_id, zone_id, {columns} FROM {records} WHERE {is_event} AND NOT {is_late_sql()}",
        )

    def insert_windows(self, metric: WindowedMetric, on_time: str) -> None:
        """Compute the metric's windows and write its rows to its result topic."""
        compiled = compile_metric(metric, on_time, self._settings.generation)
        for view in compiled.views:
            self._view(view.name, view.query)
        self._insert(metric.results, compiled.rows)

    def statements(self) -> StatementSet:
        """Everything as one statement set: one insert per result topic."""
        statements = self._env.create_statement_set()
        for topic, queries in self._inserts.items():
            self._env.execute_sql(sink_ddl(topic, self._settings, self._job))
            statements.add_insert_sql(f"INSERT INTO `{table_name(topic)}` " + " UNION ALL ".join(queries))
        return statements

    def _insert(self, topic: Topic, query: str) -> None:
        self._inserts.setdefault(topic, []).append(query)

    def _view(self, name: str, query: str) -> str:
        self._env.execute_sql(f"CREATE TEMPORARY VIEW {name} AS {query}")
        return name
