"""Every record of the event topics, to Parquet files by topic, date and hour.

flink run -py flink_jobs/archive.py [--help]
"""

from __future__ import annotations

from hailstream.archive.begin import begin_behind_files
from hailstream.flink.archive_views import insert_files, read_records
from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.topics import EVENT_TOPICS


def build(graph: Graph) -> None:
    """Events, late ones and copies too, rejects and heartbeats → decode → files, exactly once."""
    for topic in EVENT_TOPICS:
        records = read_records(graph, topic)
        insert_files(graph, topic, records)


if __name__ == "__main__":
    run_job("archive", "The event log as Parquet files, exactly once.", build, begin_behind_files)
