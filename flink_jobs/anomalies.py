"""Alerts on fraud and speed, rule by rule.

flink run -py flink_jobs/anomalies.py [--help]
"""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.risk_views import insert_risks
from hailstream.flink.run_job import run_job
from hailstream.topics import ALERTS


def build(graph: Graph) -> None:
    """trips.started.v1, trips.ended.v1 → decode → folds by ride, driver and zone → alerts.v1 → driver.risk.v1."""
    folded = graph.fold_events("alerts")
    graph.insert_answers(ALERTS, folded, "alert")
    insert_risks(graph, folded)


if __name__ == "__main__":
    run_job("anomalies", "Alerts on fraud and speed.", build)
