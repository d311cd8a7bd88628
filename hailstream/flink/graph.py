"""One Flink graph put together from sources, views and inserts.

Jobs say what they read, what they make of it and where it goes; nothing is built
before all of them have spoken. So each topic is scanned and decoded once, however
many jobs read it, events are packed once for all folds, and each result topic has
one writer, whatever is inserted into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pyflink.table import StatementSet, TableEnvironment
from pyflink.table.udf import UserDefinedFunctionWrapper

from hailstream.flink.event_views import EventViews, Reading, create_event_views
from hailstream.flink.fold_views import FOLDED, create_fold_views
from hailstream.flink.plan import Job
from hailstream.flink.result_rows import columns_sql
from hailstream.flink.streams import Streams
from hailstream.flink.tables import sink_ddl, table_name
from hailstream.flink.zone_views import ZONES_TOLD, create_zone_views
from hailstream.folds.controls import Key
from hailstream.folds.groups import wanted_groups
from hailstream.settings import Settings
from hailstream.topics import TRIPS, Topic
from hailstream.windows import WindowedMetric

#: Result topics whose messages Python functions encode.
ENCODED: Final = frozenset({TRIPS})


class Graph:
    """Collects what jobs read and write, then hands it over as one statement set.

    Args:
        environment: where tables and views are created; streams, when there are parts that are not SQL.
        settings: addresses, namespace, disorder, horizon.
        job: name of the job; part of its transactions' names.
        writer_schemas: known schemas of each event topic's messages, by id.
        result_ids: ids of the schemas of results that Python functions encode.
        said: what people have said on the topics for that, by topic and key: (offset, value).
    """

    def __init__(
        self,
        environment: TableEnvironment | Streams,
        settings: Settings,
        job: str,
        writer_schemas: dict[Topic, dict[int, str]],
        result_ids: Mapping[Topic, int] = MappingProxyType({}),
        said: Mapping[Key, tuple[int, bytes | None]] = MappingProxyType({}),
    ) -> None:
        self._folding = environment if isinstance(environment, Streams) else None
        self._env = environment.table_env if isinstance(environment, Streams) else environment
        self.settings = settings
        self.job = job
        self._writer_schemas = writer_schemas
        self._result_ids = result_ids
        self.said = said
        self._readings: dict[Topic, Reading] = {}
        self._purposes: dict[str, None] = {}
        self._zone_purposes: dict[str, None] = {}
        self._steps: list[Callable[[], object]] = []
        self._inserts: dict[Topic, list[str]] = {}
        self._other_inserts: dict[str, str] = {}

    def read_events(self, topic: Topic, *metrics: WindowedMetric, trips: bool = False) -> str:
        """Read a topic's events; unreadable messages are dead-lettered.

        Args:
            topic: of the events.
            metrics: whose events are packed.
            trips: have the messages of trips.

        Returns:
            the view of all its records in offset order: ``error``, the ``watermark``
            each met, and what is packed.
        """
        self._reading(topic).metrics.update(dict.fromkeys(metrics))
        self._reading(topic).trips |= trips
        return table_name(topic)

    def fold_events(self, purpose: str) -> str:
        """Tell the folds of a purpose their events.

        Returns:
            the view of what all folds answer: a column a kind of answer (:mod:`.answers`).
        """
        for group in wanted_groups({purpose}, self.settings.fold_shards).values():
            for topic in group.columns:
                self._reading(topic).purposes[purpose] = None
        self._purposes[purpose] = None
        return FOLDED

    def tell_zones(self, purpose: str) -> str:
        """Tell the shards of zones what folds say of each minute, and what people say.

        Args:
            purpose: ``surge`` or ``forecast``; its events are folded.

        Returns:
            the view of what they answer: a column a kind of answer (:mod:`.zone_answers`).
        """
        self._zone_purposes[purpose] = None
        return ZONES_TOLD

    def table(self, ddl: str) -> None:
        """A table."""
        self._env.execute_sql(ddl)

    def view(self, name: str, query: str) -> str:
        """A view of a query; returns its name."""
        self.later(lambda: self._env.execute_sql(f"CREATE TEMPORARY VIEW {name} AS {query}"))
        return name

    def function(self, name: str, function: UserDefinedFunctionWrapper) -> None:
        """A function that queries may call."""
        self._env.create_temporary_system_function(name, function)

    def insert(self, topic: Topic, query: str) -> None:
        """Write a query's rows to a result topic, beside what others write to it.

        For topics in ``ENCODED`` they are key and message, as bytes; for others the columns of its table.
        """
        self._inserts.setdefault(topic, []).append(query)

    def insert_into(self, table: str, query: str) -> None:
        """Write a query's rows to a table that is no topic's."""
        self._other_inserts[table] = query

    def insert_answers(self, topic: Topic, view: str, column: str) -> None:
        """Write the answers of a kind to their result topic.

        Args:
            topic: of the results.
            view: of answers.
            column: that holds answers of this kind.
        """
        self.insert(topic, f"SELECT {columns_sql(topic, column)} FROM {view} WHERE {column} IS NOT NULL")

    def later(self, step: Callable[[], object]) -> None:
        """Do something when the graph is built, in the order of the calls; the events' views are there then."""
        self._steps.append(step)

    def events_of(self, topic: Topic) -> EventViews:
        """How the topic's messages are read."""
        return EventViews(topic, self.settings, self._writer_schemas[topic], self._result_ids)

    @property
    def streams(self) -> Streams:
        """For the parts that SQL cannot say.

        Raises:
            TypeError: the job was not announced as one that has such parts.
        """
        if self._folding is None:
            raise TypeError("run_job(..., folded=True) is for jobs with folds")
        return self._folding

    def build(self) -> None:
        """Create all views; call it once, when all jobs have spoken."""
        steps, self._steps = self._steps, []
        for topic, reading in self._readings.items():
            create_event_views(self, self._env, topic, reading)
        if self._purposes:
            create_fold_views(self, tuple(self._purposes))
        if self._zone_purposes:
            create_zone_views(self, tuple(self._zone_purposes), FOLDED)
        for step in [*self._steps, *steps]:
            step()

    def as_job(self) -> Job:
        """Everything as one job, one insert per result topic: a compiled plan, or a stream graph where SQL ends."""
        self.build()
        statements = self._statements()
        if self._folding is not None:
            statements.attach_as_datastream()
            return self._folding.as_job()
        compiled = statements._j_statement_set.compilePlan()
        return Job(compiled.asJsonString(), compiled.execute)

    def _statements(self) -> StatementSet:
        statements = self._env.create_statement_set()
        for topic, queries in self._inserts.items():
            self._env.execute_sql(sink_ddl(topic, self.settings, self.job, encoded=topic in ENCODED))
            statements.add_insert_sql(f"INSERT INTO `{table_name(topic)}` " + " UNION ALL ".join(queries))
        for table, query in self._other_inserts.items():
            statements.add_insert_sql(f"INSERT INTO `{table}` {query}")
        return statements

    def _reading(self, topic: Topic) -> Reading:
        return self._readings.setdefault(topic, Reading())
