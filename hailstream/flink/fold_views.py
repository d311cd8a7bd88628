"""Folds in a graph: packets of events and the ends of minutes in, answers out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pyflink.common.typeinfo import TypeInformation
from pyflink.datastream import KeyedProcessFunction

from hailstream.flink.answers import AnswerRows, answers_type
from hailstream.flink.event_time import is_late_sql
from hailstream.flink.event_views import insert_late
from hailstream.flink.fold_answers import answer_kinds
from hailstream.flink.fold_function import MAX_SHARDS, MINUTE_ENDED, FoldPackets
from hailstream.flink.judge_function import JudgePackets
from hailstream.flink.tables import table_name
from hailstream.folds.groups import SINGLE, Group, wanted_groups
from hailstream.folds.packer import MINUTE_SIGN, packet_column, shard_column
from hailstream.topics import Topic

if TYPE_CHECKING:
    from hailstream.flink.graph import Graph

#: The view of what folds answer.
FOLDED: Final = "folded"


def create_fold_views(graph: Graph, purposes: Sequence[str]) -> None:
    """Tell the folds of these purposes their events, and have their answers in the view ``folded``."""
    shards = graph.settings.fold_shards
    groups = wanted_groups(purposes, shards)
    for topic in _topics(groups.values()):
        told = [purpose for purpose in purposes if topic in _topics(wanted_groups({purpose}, shards).values())]
        insert_late(graph, told, topic, table_name(topic), "event_time < `watermark`")
    packets = {
        place: [
            f"SELECT CAST({place * MAX_SHARDS} + {shard_column(group)} AS INT) AS fold,"
            f" ROW('{topic.base}', {packet_column(group)}, `watermark`) AS packet, event_time"
            f" FROM {table_name(topic)} WHERE {packet_column(group)} IS NOT NULL"
            for topic in group.columns
        ]
        for place, group in groups.items()
    }
    by_minute = [place for place, group in groups.items() if group.by_minute]
    if by_minute:
        _minutes_view(graph, groups)
    for place in by_minute:
        # A join with the shards' numbers would keep all minutes in its state.
        packets[place] += [
            f"SELECT {place * MAX_SHARDS + shard} AS fold, ROW('{MINUTE_ENDED}', X'', minute_end) AS packet, event_time"
            " FROM minutes_over"
            for shard in range(shards)
        ]
    kinds, thresholds = answer_kinds(graph.settings, purposes), graph.settings.thresholds()
    rows, row_type = AnswerRows(kinds), answers_type(kinds)
    folds = {place: group for place, group in groups.items() if group.name != SINGLE}
    told = [query for place in folds for query in packets[place]]
    name = f"folds of {', '.join(purposes)}"
    views = [_tell(graph, "in_order", name, told, FoldPackets(folds, thresholds, rows), row_type, slot="folds")]
    for place in groups.keys() - folds.keys():
        # What waits for nothing does not wait for folds either.
        judge = JudgePackets(groups[place], thresholds, rows)
        views.append(_tell(graph, "at_once", "single events", packets[place], judge, row_type))
    graph.view(FOLDED, " UNION ALL ".join(f"SELECT * FROM {view}" for view in views))


def _tell(
    graph: Graph,
    view: str,
    name: str,
    packets: Sequence[str],
    function: KeyedProcessFunction,
    row_type: TypeInformation,
    slot: str | None = None,
) -> str:
    """The view of what a function answers to packets; see :meth:`Streams.fold`."""
    graph.view(f"{view}_packets", " UNION ALL ".join(packets))
    graph.later(lambda: graph.streams.fold(view, name, f"{view}_packets", function, row_type, slot))
    return view


def _minutes_view(graph: Graph, groups: Mapping[int, Group]) -> None:
    """The ends of minutes, by the watermark of all events: one if there was any record in the minute."""
    rows = []
    for topic in _topics(group for group in groups.values() if group.by_minute):
        rows.append(f"SELECT event_time FROM {table_name(topic)} WHERE {MINUTE_SIGN} AND NOT {is_late_sql()}")
    graph.view("minute_signs", " UNION ALL ".join(rows))
    graph.view(
        "minutes_over",
        "SELECT CAST(window_end AS TIMESTAMP_LTZ(3)) AS minute_end, window_time AS event_time"
        " FROM TUMBLE(TABLE minute_signs, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)"
        " GROUP BY window_start, window_end, window_time",
    )


def _topics(groups: Iterable[Group]) -> list[Topic]:
    return list(dict.fromkeys(topic for group in groups for topic in group.columns))
