"""Job city cut off behind one of its stages, whose rows go nowhere.

flink run -py bench/jobs/cut.py STAGE
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pyflink.table import StatementSet, TableEnvironment
from pyflink.table.table_descriptor import TableDescriptor

from hailstream.flink.environment import create_environment
from hailstream.flink.graph import Graph
from hailstream.flink.run_job import job_title
from hailstream.flink.tables import table_name
from hailstream.flink.window_sql import compile_metric, packed_column
from hailstream.flink.window_views import insert_windows, split_late
from hailstream.schemas_registry import known_writer_schemas
from hailstream.settings import Settings, load_settings
from hailstream.topics import EVENT_TOPICS, Topic
from hailstream.windows import METRICS

STAGES = ("scan", "decode", "late", "duplicates", "windows")


class CutGraph(Graph):
    """The graph of job city, of which only some inserts are run, and those into nothing."""

    def __init__(self, table_env: TableEnvironment, settings: Settings, job: str) -> None:
        schemas = {topic: known_writer_schemas(topic, settings) for topic in EVENT_TOPICS}
        super().__init__(table_env, settings, job, schemas)
        self._table_env = table_env

    def cut(self, stage: str) -> StatementSet:
        """The statements that end behind ``stage``; call it once."""
        for metric in METRICS.values():
            on_time = split_late(self, metric, self.read_events(metric.events, metric))
            if stage in ("duplicates", "windows"):
                insert_windows(self, metric, on_time)
        self.build()
        statements = self._table_env.create_statement_set()
        for query in self._queries(stage):
            nowhere = TableDescriptor.for_connector("blackhole").build()
            statements.add_insert(nowhere, self._table_env.sql_query(query))
        return statements

    def _queries(self, stage: str) -> Iterator[str]:
        for metric in METRICS.values():
            name = table_name(metric.events)
            origin = "`value`, event_time, kafka_partition, kafka_offset"
            if stage == "scan":
                yield f"SELECT {origin} FROM `{name}_raw`"
            elif stage == "decode":
                yield f"SELECT {origin}, error, detail, {packed_column(metric)} FROM {name}_decoded"
            elif stage == "late":
                yield f"SELECT event_time, {packed_column(metric)} FROM {metric.name}_on_time"
            elif stage == "duplicates":
                # The second of a metric's views is that of its minutes' sums.
                yield f"SELECT * FROM {compile_metric(metric, '', 1).views[1].name}"
        if stage not in ("scan", "decode"):
            yield from (" UNION ALL ".join(queries) for queries in self._inserts_of(stage).values())

    def _inserts_of(self, stage: str) -> dict[Topic, list[str]]:
        """Dead letters and late events always; the windows' rows behind their own stage."""
        results = [metric.results for metric in METRICS.values()] if stage != "windows" else []
        return {topic: queries for topic, queries in self._inserts.items() if topic not in results}


def main(stage: str) -> None:
    settings = load_settings()
    name = f"cut_{stage}"
    table_env = create_environment(settings, job_title(name, settings))
    # Ids that survive a restart come from a compiled plan, which nothing here needs.
    table_env.get_config().set("table.exec.uid.generation", "DISABLED")
    CutGraph(table_env, settings, name).cut(stage).execute()


if __name__ == "__main__":
    main(sys.argv[1])
