"""Alerts in a graph."""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.result_rows import columns_sql
from hailstream.topics import ALERTS


def insert_alerts(graph: Graph, folded: str) -> None:
    """Write what the rules found to alerts.v1.

    Args:
        graph: whose folds are told of alerts.
        folded: the view of answers.
    """
    graph.insert(ALERTS, f"SELECT {columns_sql(ALERTS, 'alert')} FROM {folded} WHERE alert IS NOT NULL")
