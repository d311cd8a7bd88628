"""Where to drive next: the most frequent routes, the most profitable areas, the best driver of each hour.

flink run -py flink_jobs/opportunities.py [--help]
"""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.topics import OPPORTUNITIES


def build(graph: Graph) -> None:
    """trips.ended.v1 → lists, when they change → opportunities.v1."""
    folded = graph.fold_events("opportunities")
    graph.insert_answers(OPPORTUNITIES, folded, "listed")


if __name__ == "__main__":
    run_job("opportunities", "Where to drive next: routes, areas, the best driver by tips.", build)
