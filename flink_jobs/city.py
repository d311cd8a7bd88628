"""All of a city's jobs as one graph, with one scan of each topic.

flink run -py flink_jobs/city.py [--help]
"""

from __future__ import annotations

from flink_jobs import revenue, zone_counts
from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED


def build(graph: Graph) -> None:
    """Zone counts and revenue."""
    zone_counts.build(graph)
    revenue.build(graph)


if __name__ == "__main__":
    run_job("city", "All jobs of a city as one graph.", [TRIPS_STARTED, TRIPS_ENDED], build)
