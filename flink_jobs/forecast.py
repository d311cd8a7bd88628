"""Forecasts: starts expected in each zone.

flink run -py flink_jobs/forecast.py [--help]
"""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.topics import ZONE_FORECAST


def build(graph: Graph) -> None:
    """trips.started.v1, trips.ended.v1 → starts by minute → forecasts by zone → zone.forecast.v1."""
    graph.fold_events("forecast")
    told = graph.tell_zones("forecast")
    graph.insert_answers(ZONE_FORECAST, told, "forecast")


if __name__ == "__main__":
    run_job("forecast", "Forecasts: starts expected in each zone.", build)
