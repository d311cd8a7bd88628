"""Money of trips ended per pick-up zone: windows of 10 minutes, sliding by 2.

flink run -py flink_jobs/revenue.py [--help]
"""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.flink.window_views import insert_windows, split_late
from hailstream.topics import TRIPS_ENDED
from hailstream.windows import REVENUE


def build(graph: Graph) -> None:
    """trips.ended.v1 → decode → on time, once each → zone.revenue.v1."""
    records = graph.read_events(TRIPS_ENDED, REVENUE)
    on_time = split_late(graph, REVENUE, records)
    insert_windows(graph, REVENUE, on_time)


if __name__ == "__main__":
    run_job("revenue", "Money of trips ended per zone, 10-minute windows sliding by 2.", build)
