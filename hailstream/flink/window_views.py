"""The windows of a metric, as views of a graph."""

from __future__ import annotations

from hailstream.flink.event_time import is_late_sql
from hailstream.flink.event_views import insert_late
from hailstream.flink.graph import Graph
from hailstream.flink.tally_functions import tally_functions
from hailstream.flink.window_sql import compile_metric
from hailstream.rollup.packer import packed_column
from hailstream.windows import WindowedMetric


def split_late(graph: Graph, metric: WindowedMetric, records: str) -> str:
    """Send a metric's late events to their topic.

    Returns:
        the view of the packets of events that are in time for its windows.
    """
    insert_late(graph, [metric.name], metric.events, records, is_late_sql())
    packed = packed_column(metric)
    # The verdict on the row that carries a packet is the verdict on all its events.
    return graph.view(
        f"{metric.name}_on_time",
        f"SELECT event_time, {packed} FROM {records} WHERE {packed} IS NOT NULL AND NOT {is_late_sql()}",
    )


def insert_windows(graph: Graph, metric: WindowedMetric, on_time: str) -> None:
    """Compute the metric's windows and write its rows to its result topic."""
    for name, function in tally_functions(metric).items():
        graph.function(name, function)
    compiled = compile_metric(metric, on_time, graph.settings.generation)
    for view in compiled.views:
        graph.view(view.name, view.query)
    graph.insert(metric.results, compiled.rows)
