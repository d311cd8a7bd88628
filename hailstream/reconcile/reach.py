"""How far archive, job and loader have come, so that what is still on its way is not taken for drift."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from hailstream.archive.layout import EVENT
from hailstream.jobs.catalog import CITY, PARTS
from hailstream.replay.broker import LogReader, patiently
from hailstream.settings import Settings
from hailstream.topics import Topic
from hailstream.windows import WindowedMetric

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger(__name__)

_TIMEOUT: Final = 30.0
#: Sink whose rows are reconciled.
_SINK: Final = "clickhouse"

#: Offset of the next record by partition.
Offsets = Mapping[int, int]


@dataclass(frozen=True)
class Reach:
    """Windows that end no later are final for each of the three (ms since 1970); None: it holds nothing back.

    Attributes:
        archive: by the watermark behind its last record without a gap, in the slowest partition.
        job: the same behind what the job has committed; None where none has ever run.
        loader: just before the end of the earliest window that is not loaded yet; None where all are.
        first: time of the first event; None where there is none.
    """

    archive: int
    job: int | None
    loader: int | None
    first: int | None = None

    @property
    def until(self) -> int:
        """What all have reached."""
        return min(value for value in (self.archive, self.job, self.loader) if value is not None)

    @property
    def held_by(self) -> str:
        """Which of them came least far."""
        named = {"archive": self.archive, "job": self.job, "loader": self.loader}
        return min((name for name, value in named.items() if value is not None), key=lambda name: named[name] or 0)


def reach_of(metric: WindowedMetric, records: DataFrame, settings: Settings, horizon_ms: int | None) -> Reach:
    """How far a metric is final.

    Args:
        records: of the metric's event topic, all that the archive has without a gap.
        horizon_ms: declared end of a replay; records beyond it move no watermark.

    Raises:
        HailstreamError: Kafka cannot be reached.
    """
    disorder = round(settings.max_disorder * 1000)
    reader = LogReader(settings)
    topic = metric.events.name(settings.namespace)
    partitions = range(reader.partitions([topic])[topic])
    # In this order: what the job had written when it committed is asked for after that.
    groups = committed_by_jobs(metric, settings)
    loader = _loaded(metric.results, settings, reader)
    first, newest = times_of(records, {"archive": None, **groups}, horizon_ms)
    # A window is closed when the watermark has come to its last millisecond.
    reached = {
        name: min((times.get(number, -1) for number in partitions), default=-1) - disorder + 1
        for name, times in newest.items()
    }
    archive = reached.pop("archive")
    return Reach(archive, max(reached.values(), default=None), loader, first)


def times_of(
    records: DataFrame, offsets: Mapping[str, Offsets | None], horizon_ms: int | None
) -> tuple[int | None, dict[str, dict[int, int]]]:
    """The time of the first event; and by name and partition the newest time below the offsets of that name (ms).

    Args:
        offsets: None: of all records.
    """
    from pyspark.sql import functions as f

    time = f.expr("unix_millis(record_time)")
    plausible = f.lit(True) if horizon_ms is None else time <= horizon_ms
    columns = [f.min(f.when(f.col("kind") == EVENT, time)).alias("first")]
    for name, ends in offsets.items():
        below = f.lit(True)
        if ends is not None:
            below = f.lit(False)
            for number, end in ends.items():
                below |= (f.col("kafka_partition") == number) & (f.col("kafka_offset") < end)
        columns.append(f.max(f.when(plausible & below, time)).alias(name))
    rows = records.groupBy("kafka_partition").agg(*columns).collect()
    first = min((row["first"] for row in rows if row["first"] is not None), default=None)
    newest = {name: {row["kafka_partition"]: row[name] for row in rows if row[name] is not None} for name in offsets}
    return first, newest


def committed_by_jobs(metric: WindowedMetric, settings: Settings) -> dict[str, Offsets]:
    """The offsets that jobs which compute the metric have committed, by job; of those that ever did."""
    names = [CITY, *(name for name, part in PARTS.items() if metric.results in part.writes)]
    topic = metric.events.name(settings.namespace)
    found = {name: _committed(settings, name, topic) for name in names}
    return {name: offsets for name, offsets in found.items() if offsets}


def _committed(settings: Settings, group: str, topic: str) -> Offsets:
    asked = ConsumerGroupTopicPartitions(settings.consumer_group(group))
    admin = AdminClient(settings.kafka_config())

    def request() -> Any:
        [answer] = admin.list_consumer_group_offsets([asked], request_timeout=_TIMEOUT).values()
        return answer.result()

    places = patiently(request, settings, log.warning).topic_partitions
    return {place.partition: place.offset for place in places if place.topic == topic and place.offset >= 0}


def _loaded(results: Topic, settings: Settings, reader: LogReader) -> int | None:
    """See :attr:`Reach.loader`."""
    topic = results.name(settings.namespace)
    ends = reader.ends(reader.partitions([topic]))
    done = _committed(settings, _SINK, topic)
    begins = {topic: {number: done.get(number, 0) for number in ends[topic]}}
    waiting = [key for keys in reader.keys_between(begins, ends).values() for key in keys]
    return min((window_end_of(key) - 1 for key in waiting), default=None)


def window_end_of(key: str) -> int:
    """Of a result message's key (ms since 1970)."""
    end = datetime.fromisoformat(json.loads(key)["window_end"]).replace(tzinfo=UTC)
    return round(end.timestamp() * 1000)
