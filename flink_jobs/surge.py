"""Surge prices: a multiplier for each zone and minute.

flink run -py flink_jobs/surge.py [--help]
"""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.topics import ZONE_SURGE


def build(graph: Graph) -> None:
    """trips.started.v1, trips.ended.v1 → starts and idle taxis by driver → prices by zone → zone.surge.v1."""
    graph.fold_events("surge")
    told = graph.tell_zones("surge")
    graph.insert_answers(ZONE_SURGE, told, "price")


if __name__ == "__main__":
    run_job("surge", "Surge prices: a multiplier for each zone and minute.", build)
