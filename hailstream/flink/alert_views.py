"""Alerts in a graph."""

from __future__ import annotations

from hailstream.flink.fold_views import AT_ONCE, IN_ORDER
from hailstream.flink.graph import Graph
from hailstream.topics import ALERTS


def insert_alerts(graph: Graph) -> None:
    """Write the answers of kind ``alert`` of a graph that folds events for alerts.

    Those that need one event have a writer of their own: with one for all they would
    wait, at every checkpoint, until folds have come to it, and a snapshot takes seconds.
    """
    graph.insert_answers(ALERTS, IN_ORDER, "alert")
    graph.insert_answers(ALERTS, AT_ONCE, "alert", writer=AT_ONCE)
