"""Drivers' risk in a graph: the second stage behind the folds that find alerts."""

from __future__ import annotations

from typing import Final

from hailstream.flink.graph import Graph
from hailstream.flink.result_rows import columns_sql, row_type
from hailstream.flink.risk_function import TellRisk
from hailstream.topics import DRIVER_RISK

_RISKS: Final = "driver_risks"


def insert_risks(graph: Graph, folded: str) -> None:
    """Score drivers by their alerts, and write each new score to driver.risk.v1.

    Args:
        graph: whose folds are told of alerts.
        folded: the view of answers.
    """
    graph.view(
        "alerts_of_drivers",
        "SELECT alert.driver_id AS driver_id,"
        " ROW(alert.event_time, alert.alert_id, alert.rule, alert.severity) AS alert"
        f" FROM {folded} WHERE alert IS NOT NULL AND alert.driver_id IS NOT NULL",
    )
    function = TellRisk(graph.settings.thresholds())
    graph.later(lambda: graph.streams.tell_drivers(_RISKS, "alerts_of_drivers", function, row_type(DRIVER_RISK)))
    graph.insert(DRIVER_RISK, f"SELECT {columns_sql(DRIVER_RISK)} FROM {_RISKS}")
