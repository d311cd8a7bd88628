"""The views of a topic's events: scanned and decoded once, for all that is read of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyflink.table import TableEnvironment

from hailstream.decode import reasons
from hailstream.decode.packer import Packer
from hailstream.decode.trips import TripMessages
from hailstream.flink.decode_function import EventSource, decode_function, identify_function
from hailstream.flink.event_time import is_future_sql, watermark_seen_sql
from hailstream.flink.tables import source_ddl, table_name
from hailstream.folds.groups import wanted_groups
from hailstream.folds.packer import ShardPacker
from hailstream.rollup.packer import MinutePacker
from hailstream.settings import Settings
from hailstream.topics import EVENTS_LATE, EVENTS_REJECTED, TRIPS, Topic
from hailstream.windows import WindowedMetric

if TYPE_CHECKING:
    from hailstream.flink.graph import Graph

_ORIGIN = "`value`, event_time, kafka_partition, kafka_offset"


@dataclass
class Reading:
    """What is read of a topic.

    Attributes:
        metrics: whose events are packed by minute.
        purposes: of the folds that are told its events.
        trips: messages of trips are made of them.
    """

    metrics: dict[WindowedMetric, None] = field(default_factory=dict)
    purposes: dict[str, None] = field(default_factory=dict)
    trips: bool = False


@dataclass(frozen=True)
class EventViews:
    """A topic's events, how its messages are read, and the ids of the schemas that results are written with."""

    topic: Topic
    settings: Settings
    writer_schemas: dict[int, str]
    result_ids: Mapping[Topic, int]

    @property
    def source(self) -> EventSource:
        subject = self.topic.subject(self.settings.source.namespace)
        return EventSource(self.topic, self.writer_schemas, self.settings.registry_config(), subject)

    def packers(self, reading: Reading) -> list[Packer]:
        """What packs the topic's events."""
        settings = self.settings
        disorder_ms = round(settings.max_disorder * 1000)
        packers: list[Packer] = [MinutePacker(metric, disorder_ms) for metric in reading.metrics]
        if reading.trips:
            secret = settings.driver_secret
            packers.append(TripMessages(self.result_ids[TRIPS], secret.get_secret_value() if secret else None))
        if reading.purposes:
            wanted = wanted_groups(reading.purposes, settings.fold_shards).values()
            groups = [group for group in wanted if self.topic in group.columns]
            packers.append(ShardPacker(self.topic, groups, settings.thresholds(), settings.fold_shards, disorder_ms))
        return packers


def create_event_views(graph: Graph, env: TableEnvironment, topic: Topic, reading: Reading) -> None:
    """Source and views of a topic's decoded events; see :meth:`Graph.read_events`."""
    events, settings = graph.events_of(topic), graph.settings
    name = table_name(topic)
    packers = events.packers(reading)
    packed = [column for packer in packers for column in packer.sql_types]
    env.execute_sql(source_ddl(topic, settings, graph.job))
    graph.function(f"decode_{name}", decode_function(events.source, packers))
    decoded, scanned = f"{name}_decoded", name if not reading.purposes else f"{name}_scanned"
    fields = ", ".join(f"event.{column} AS {column}" for column in ("detail", *packed))
    graph.view(
        decoded,
        f"SELECT {_ORIGIN}, arrival, event.future AS future, CASE WHEN event.future AND `value` IS NOT NULL"
        f" THEN '{reasons.FUTURE}' ELSE event.error END AS error, {fields}"
        f" FROM (SELECT {_ORIGIN}, arrival, decode_{name}(`value`, event_time, kafka_partition,"
        f" {is_future_sql(settings)}) AS event FROM `{name}_raw`)",
    )
    columns = ", ".join((_ORIGIN, "error", "detail", *packed))
    graph.view(scanned, f"SELECT {columns}, {watermark_seen_sql(settings)} AS `watermark` FROM {decoded}")
    if reading.purposes:
        # Folds and windows would each plan a scan of their own.
        graph.later(lambda: graph.streams.through_stream(scanned, name))
    graph.insert(
        EVENTS_REJECTED,
        f"SELECT '{topic.name(settings.source.namespace)}', kafka_partition, kafka_offset,"
        f" CAST(event_time AS TIMESTAMP(3)), error, COALESCE(detail, ''), `value` FROM {name}"
        " WHERE error IS NOT NULL",
    )


def insert_late(graph: Graph, metrics: Sequence[str], topic: Topic, records: str, is_late: str) -> None:
    """Send the events that metrics do not see because they came too late to their topic."""
    identify = f"identify_{'_'.join(metrics)}_{table_name(topic)}"
    graph.function(identify, identify_function(graph.events_of(topic).source))
    late = graph.view(
        f"late_for_{'_'.join(metrics)}_{table_name(topic)}",
        f"SELECT {_ORIGIN}, `watermark`, {identify}(`value`, event_time) AS event FROM {records}"
        f" WHERE `value` IS NOT NULL AND error IS NULL AND {is_late}",
    )
    for metric in metrics:
        graph.insert(
            EVENTS_LATE,
            f"SELECT '{topic.name(graph.settings.source.namespace)}', kafka_partition, kafka_offset, '{metric}',"
            " CAST(event_time AS TIMESTAMP(3)), CAST(`watermark` AS TIMESTAMP(3)),"
            f" event.trip_id, event.zone_id, `value` FROM {late}",
        )
