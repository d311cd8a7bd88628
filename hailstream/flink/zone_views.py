"""Prices and forecasts of zones in a graph: the second stage behind the folds that count minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from hailstream.flink.answers import AnswerRows, answers_type
from hailstream.flink.tables import control_ddl, table_name
from hailstream.flink.zone_answers import zone_answer_kinds
from hailstream.flink.zone_function import TellZones
from hailstream.topics import EVENTS_REJECTED, FORECAST_PROFILES, SURGE_POLICIES

if TYPE_CHECKING:
    from hailstream.flink.graph import Graph

#: The view of what shards of zones answer.
ZONES_TOLD: Final = "zones_told"
_TOPICS: Final = {"surge": SURGE_POLICIES, "forecast": FORECAST_PROFILES}


def create_zone_views(graph: Graph, purposes: Sequence[str], folded: str) -> None:
    """Tell the shards of zones each closed minute; what people say and nobody can follow is a dead letter.

    Args:
        graph: whose folds count minutes.
        purposes: ``surge``, ``forecast``.
        folded: the view of what the folds answer.
    """
    settings = graph.settings
    topics = {_TOPICS[purpose].name(settings.namespace): _TOPICS[purpose] for purpose in purposes}
    for topic in topics.values():
        graph.table(control_ddl(topic, settings, graph.job))
    graph.view(
        "minutes_told",
        "SELECT minutes.zones AS zones, ROW(minutes.teller, minutes.end_ms, minutes.sums) AS told"
        f" FROM {folded} WHERE minutes IS NOT NULL",
    )
    said = [
        f"SELECT '{name}' AS topic, message_key, message, kafka_partition, kafka_offset, record_time"
        f" FROM `{table_name(topic)}`"
        for name, topic in topics.items()
    ]
    graph.view("people_said", " UNION ALL ".join(said))
    kinds = zone_answer_kinds(settings, purposes)
    function = TellZones(settings.fold_shards, purposes, topics, graph.said, AnswerRows(kinds))
    name = f"zones: {', '.join(purposes)}"
    graph.later(
        lambda: graph.streams.tell_zones(ZONES_TOLD, name, "minutes_told", "people_said", function, answers_type(kinds))
    )
    graph.insert_answers(EVENTS_REJECTED, ZONES_TOLD, "refused")
