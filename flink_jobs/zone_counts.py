"""Trips started per zone: windows of 5 minutes, sliding by 1.

flink run -py flink_jobs/zone_counts.py [--help]
"""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.flink.window_views import insert_windows, split_late
from hailstream.topics import TRIPS_STARTED
from hailstream.windows import COUNTS


def build(graph: Graph) -> None:
    """trips.started.v1 → decode → on time, once each → zone.counts.v1."""
    records = graph.read_events(TRIPS_STARTED, COUNTS)
    on_time = split_late(graph, COUNTS, records)
    insert_windows(graph, COUNTS, on_time)


if __name__ == "__main__":
    run_job("zone_counts", "Trips started per zone, 5-minute windows sliding by 1.", build)
