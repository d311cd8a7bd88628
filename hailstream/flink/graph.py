"""One Flink graph put together from sources, views and inserts.

Each topic is scanned and decoded once, however many metrics read it, and each
result topic has one writer, whatever is inserted into it.
"""

from __future__ import annotations

from pyflink.table import StatementSet, TableEnvironment

from hailstream.decode import reasons
from hailstream.flink.decode_function import EventSource, decode_function, identify_function
from hailstream.flink.event_time import is_future_sql, is_late_sql, watermark_seen_sql
from hailstream.flink.tables import sink_ddl, source_ddl, table_name
from hailstream.flink.tally_functions import tally_functions
from hailstream.flink.window_sql import compile_metric, packed_column
from hailstream.settings import Settings
from hailstream.topics import EVENTS_LATE, EVENTS_REJECTED, Topic
from hailstream.windows import WindowedMetric

_ORIGIN = "`value`, event_time, kafka_partition, kafka_offset"


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

    def read_events(self, topic: Topic, *metrics: WindowedMetric) -> str:
        """Source and views of a topic's decoded events; unreadable messages are dead-lettered.

        Returns:
            the view of all its records in offset order: ``error``, the ``watermark``
            each met, and the packed events of each metric.
        """
        name = table_name(topic)
        function = f"decode_{name}"
        disorder_ms = round(self._settings.max_disorder * 1000)
        self._env.execute_sql(source_ddl(topic, self._settings, self._job))
        self._env.create_temporary_system_function(function, decode_function(self._source(topic), metrics, disorder_ms))
        fields = ", ".join(f"event.{column} AS {column}" for column in ("detail", *map(packed_column, metrics)))
        decoded = self._view(
            f"{name}_decoded",
            f"SELECT {_ORIGIN}, arrival, event.future AS future, CASE WHEN event.future AND `value` IS NOT NULL"
            f" THEN '{reasons.FUTURE}' ELSE event.error END AS error, {fields}"
            f" FROM (SELECT {_ORIGIN}, arrival, {function}(`value`, event_time, kafka_partition,"
            f" {is_future_sql(self._settings)}) AS event FROM `{name}_raw`)",
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
            the view of the packets of events that are in time for its windows.
        """
        function = f"identify_{metric.name}"
        self._env.create_temporary_system_function(function, identify_function(self._source(metric.events)))
        self._insert(
            EVENTS_LATE,
            f"SELECT '{metric.events.name(self._settings.namespace)}', kafka_partition, kafka_offset, '{metric.name}',"
            " CAST(event_time AS TIMESTAMP(3)), CAST(`watermark` AS TIMESTAMP(3)),"
            " event.trip_id, event.zone_id, `value`"
            f" FROM (SELECT *, {function}(`value`, event_time) AS event FROM {records}"
            f" WHERE `value` IS NOT NULL AND error IS NULL AND {is_late_sql()})",
        )
        packed = packed_column(metric)
        # The verdict on the row that carries a packet is the verdict on all its events.
        return self._view(
            f"{metric.name}_on_time",
            f"SELECT event_time, {packed} FROM {records} WHERE {packed} IS NOT NULL AND NOT {is_late_sql()}",
        )

    def insert_windows(self, metric: WindowedMetric, on_time: str) -> None:
        """Compute the metric's windows and write its rows to its result topic."""
        for name, function in tally_functions(metric).items():
            self._env.create_temporary_system_function(name, function)
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

    def _source(self, topic: Topic) -> EventSource:
        settings = self._settings
        return EventSource(
            topic, self._writer_schemas[topic], settings.registry_config(), topic.subject(settings.namespace)
        )

    def _insert(self, topic: Topic, query: str) -> None:
        self._inserts.setdefault(topic, []).append(query)

    def _view(self, name: str, query: str) -> str:
        self._env.execute_sql(f"CREATE TEMPORARY VIEW {name} AS {query}")
        return name
