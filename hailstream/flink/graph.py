"""One Flink graph put together from sources, views and inserts.

Each topic is scanned and decoded once, however many metrics read it, and each
result topic has one writer, whatever is inserted into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyflink.table import StatementSet, TableEnvironment

from hailstream.decode import reasons
from hailstream.decode.packer import Packer
from hailstream.flink.alert_rows import ALERT_TYPE, AlertRow
from hailstream.flink.decode_function import EventSource, decode_function, identify_function
from hailstream.flink.event_time import is_future_sql, is_late_sql, watermark_seen_sql
from hailstream.flink.fold_function import MAX_SHARDS, FoldPackets
from hailstream.flink.plan import Job
from hailstream.flink.streams import Streams
from hailstream.flink.tables import sink_ddl, source_ddl, table_name
from hailstream.flink.tally_functions import tally_functions
from hailstream.flink.window_sql import compile_metric
from hailstream.folds.groups import GROUPS
from hailstream.folds.packer import ShardPacker, packet_column, shard_column
from hailstream.rollup.packer import MinutePacker, packed_column
from hailstream.settings import Settings
from hailstream.topics import ALERTS, EVENTS_LATE, EVENTS_REJECTED, Topic
from hailstream.windows import WindowedMetric

_ORIGIN = "`value`, event_time, kafka_partition, kafka_offset"


class Graph:
    """Collects what a job reads and writes, then hands it over as one statement set.

    Args:
        environment: where tables and views are created; streams, when there are parts that are not SQL.
        settings: addresses, namespace, disorder, horizon.
        job: name of the job; part of its transactions' names.
        writer_schemas: known schemas of each event topic's messages, by id.
    """

    def __init__(
        self,
        environment: TableEnvironment | Streams,
        settings: Settings,
        job: str,
        writer_schemas: dict[Topic, dict[int, str]],
    ) -> None:
        self._folding = environment if isinstance(environment, Streams) else None
        self._env = environment.table_env if isinstance(environment, Streams) else environment
        self._settings = settings
        self._job = job
        self._writer_schemas = writer_schemas
        self._inserts: dict[Topic, list[str]] = {}

    def read_events(self, topic: Topic, *metrics: WindowedMetric, folded: bool = False) -> str:
        """Source and views of a topic's decoded events; unreadable messages are dead-lettered.

        Args:
            topic: of the events.
            metrics: whose events are packed.
            folded: pack events for the folds too.

        Returns:
            the view of all its records in offset order: ``error``, the ``watermark``
            each met, and what is packed.
        """
        name = table_name(topic)
        function = f"decode_{name}"
        packers = self._packers(topic, metrics, folded=folded)
        self._env.execute_sql(source_ddl(topic, self._settings, self._job))
        self._env.create_temporary_system_function(function, decode_function(self._source(topic), packers))
        packed = [column for packer in packers for column in packer.sql_types]
        fields = ", ".join(f"event.{column} AS {column}" for column in ("detail", *packed))
        decoded = self._view(
            f"{name}_decoded",
            f"SELECT {_ORIGIN}, arrival, event.future AS future, CASE WHEN event.future AND `value` IS NOT NULL"
            f" THEN '{reasons.FUTURE}' ELSE event.error END AS error, {fields}"
            f" FROM (SELECT {_ORIGIN}, arrival, {function}(`value`, event_time, kafka_partition,"
            f" {is_future_sql(self._settings)}) AS event FROM `{name}_raw`)",
        )
        columns = ", ".join((_ORIGIN, "error", "detail", *packed))
        records = self._view(
            name, f"SELECT {columns}, {watermark_seen_sql(self._settings)} AS `watermark` FROM {decoded}"
        )
        if folded:
            records = self._streams.through_stream(records)
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
        self._insert_late(metric.name, metric.events, records, function, is_late_sql())
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

    def insert_alerts(self, records: Mapping[Topic, str]) -> None:
        """Tell the folds their events, and write their alerts.

        Args:
            records: the view of each topic's records, read ``folded``.
        """
        for topic, view in records.items():
            self._insert_late_alerts(topic, view)
        packets = " UNION ALL ".join(
            f"SELECT CAST({number * MAX_SHARDS} + {shard_column(group)} AS INT) AS fold,"
            f" ROW('{topic.base}', {packet_column(group)}, `watermark`) AS packet, event_time"
            f" FROM {records[topic]} WHERE {packet_column(group)} IS NOT NULL"
            for number, group in enumerate(GROUPS)
            for topic in group.columns
        )
        secret = self._settings.driver_secret
        as_row = AlertRow(secret.get_secret_value() if secret else None)
        function = FoldPackets(self._settings.thresholds(), as_row)
        alerts = self._streams.fold("found_alerts", self._view("packets", packets), function, ALERT_TYPE)
        columns = ", ".join(
            "CAST(TO_TIMESTAMP_LTZ(event_time, 3) AS TIMESTAMP(3))" if name == "event_time" else name
            for name in ALERT_TYPE.get_field_names()
        )
        self._insert(ALERTS, f"SELECT {columns} FROM {alerts}")

    def _insert_late_alerts(self, topic: Topic, records: str) -> None:
        """Events that came after their time had been told to the folds, which rules on order do not see."""
        function = f"identify_alerts_{table_name(topic)}"
        self._env.create_temporary_system_function(function, identify_function(self._source(topic)))
        self._insert_late("alerts", topic, records, function, "event_time < `watermark`")

    def as_job(self) -> Job:
        """Everything as one job, one insert per result topic: a compiled plan, or a stream graph where SQL ends."""
        statements = self._statements()
        if self._folding is not None:
            statements.attach_as_datastream()
            return self._folding.as_job()
        compiled = statements._j_statement_set.compilePlan()
        return Job(compiled.asJsonString(), compiled.execute)

    def _statements(self) -> StatementSet:
        statements = self._env.create_statement_set()
        for topic, queries in self._inserts.items():
            self._env.execute_sql(sink_ddl(topic, self._settings, self._job))
            statements.add_insert_sql(f"INSERT INTO `{table_name(topic)}` " + " UNION ALL ".join(queries))
        return statements

    def _insert_late(self, metric: str, topic: Topic, records: str, identify: str, is_late: str) -> None:
        self._insert(
            EVENTS_LATE,
            f"SELECT '{topic.name(self._settings.namespace)}', kafka_partition, kafka_offset, '{metric}',"
            " CAST(event_time AS TIMESTAMP(3)), CAST(`watermark` AS TIMESTAMP(3)),"
            " event.trip_id, event.zone_id, `value`"
            f" FROM (SELECT *, {identify}(`value`, event_time) AS event FROM {records}"
            f" WHERE `value` IS NOT NULL AND error IS NULL AND {is_late})",
        )

    def _packers(self, topic: Topic, metrics: Sequence[WindowedMetric], *, folded: bool) -> list[Packer]:
        settings = self._settings
        disorder_ms = round(settings.max_disorder * 1000)
        packers: list[Packer] = [MinutePacker(metric, disorder_ms) for metric in metrics]
        if folded:
            groups = [group for group in GROUPS if topic in group.columns]
            packers.append(ShardPacker(topic, groups, settings.thresholds(), settings.fold_shards, disorder_ms))
        return packers

    @property
    def _streams(self) -> Streams:
        """For the parts that SQL cannot say.

        Raises:
            TypeError: the job was not announced as one that has such parts.
        """
        if self._folding is None:
            raise TypeError("run_job(..., folded=True) is for jobs with folds")
        return self._folding

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
