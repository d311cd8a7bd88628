"""How far archive, job and loader have come, so that what is still on its way is not taken for drift."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hailstream.archive.manifest import Manifest
from hailstream.jobs.catalog import CITY, PARTS
from hailstream.reconcile.columns import KeyedTable
from hailstream.reconcile.log_times import Offsets, times_of
from hailstream.replay.broker import LogReader
from hailstream.settings import Settings
from hailstream.topics import Topic

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Sink whose rows are reconciled.
_SINK: Final = "clickhouse"


@dataclass(frozen=True)
class Reach:
    """Windows that end no later are final for each of the three (ms since 1970); None: it holds nothing back.

    Attributes:
        archive: by the watermark behind its last record without a gap, in the slowest partition.
        job: the same behind what the job has committed; None where none has ever run.
        loader: just before the end of the earliest window that is not loaded yet; None where all are.
        first: time of the log's first event; None where there is none.
        read: offsets up to which the job that has come farthest has read, by partition; None where none has ever run.
        waiting: keys of rows that are not loaded yet.
    """

    archive: int
    job: int | None
    loader: int | None
    first: int | None = None
    read: Offsets | None = None
    waiting: frozenset[str] = frozenset()

    @property
    def until(self) -> int:
        """What all have reached."""
        return min(value for value in (self.archive, self.job, self.loader) if value is not None)

    @property
    def held_by(self) -> str:
        """Which of them came least far."""
        named = {"archive": self.archive, "job": self.job, "loader": self.loader}
        return min((name for name, value in named.items() if value is not None), key=lambda name: named[name] or 0)


def reach_of(
    spark: SparkContext,
    table: KeyedTable,
    manifest: Manifest,
    settings: Settings,
    horizon_ms: int,
    *,
    by_record: bool = False,
) -> Reach:
    """How far a table is final.

    Args:
        manifest: of the archive of the table's event topic.
        horizon_ms: declared end of a replay; records beyond it move no watermark.
        by_record: a row is of one record, so that what is not loaded yet can be told by its key and holds nothing back.

    Raises:
        HailstreamError: Kafka cannot be reached, or the archive not be read.
    """
    disorder = round(settings.max_disorder * 1000)
    reader = LogReader(settings)
    topic = table.events.name(settings.namespace)
    partitions = range(reader.partitions([topic])[topic])
    # In this order: what the job had written when it committed is asked for after that.
    groups = committed_by_jobs(table, settings, len(partitions))
    waiting = _not_loaded(table.results, settings, reader)
    first, newest = times_of(spark, table.events, settings, manifest, {"archive": None, **groups}, horizon_ms)
    # A window is closed when the watermark has come to its last millisecond.
    reached = {
        name: min((times.get(number, -1) for number in partitions), default=-1) - disorder + 1
        for name, times in newest.items()
    }
    archive, job = reached.pop("archive"), max(reached.values(), default=None)
    if by_record:
        read = {n: max((offsets.get(n, 0) for offsets in groups.values()), default=0) for n in partitions}
        return Reach(archive, job, None, first, read if groups else None, frozenset(map(trip_of, waiting)))
    return Reach(archive, job, min((window_end_of(key) - 1 for key in waiting), default=None), first)


def committed_by_jobs(table: KeyedTable, settings: Settings, partitions: int) -> dict[str, Offsets]:
    """The offsets that jobs which compute the table have committed, by job; of those that ever did."""
    names = [CITY, *(name for name, part in PARTS.items() if table.results in part.writes)]
    topic = table.events.name(settings.namespace)
    reader = LogReader(settings)
    found = {name: reader.committed(settings.consumer_group(name), {topic: partitions})[topic] for name in names}
    return {name: offsets for name, offsets in found.items() if offsets}


def behind_archive(table: KeyedTable, manifest: Manifest, settings: Settings) -> set[str]:
    """The keys of the events that Kafka has and the archive has not yet.

    Raises:
        HailstreamError: Kafka cannot be reached.
    """
    reader = LogReader(settings)
    topic = table.events.name(settings.namespace)
    partitions = reader.partitions([topic])
    oldest, ends = reader.begins(partitions)[topic], reader.ends(partitions)
    archived = manifest.complete
    begins = {topic: {number: max(archived.get(number, 0), begin) for number, begin in oldest.items()}}
    return {key for keys in reader.keys_between(begins, ends).values() for key in keys}


def _not_loaded(results: Topic, settings: Settings, reader: LogReader) -> list[str]:
    """The keys of the messages that are not loaded yet."""
    topic = results.name(settings.namespace)
    partitions = reader.partitions([topic])
    ends = reader.ends(partitions)
    done = reader.committed(settings.consumer_group(_SINK), partitions)[topic]
    begins = {topic: {number: done.get(number, 0) for number in ends[topic]}}
    return [key for keys in reader.keys_between(begins, ends).values() for key in keys]


def window_end_of(key: str) -> int:
    """Of a result message's key (ms since 1970)."""
    end = datetime.fromisoformat(json.loads(key)["window_end"]).replace(tzinfo=UTC)
    return round(end.timestamp() * 1000)


def trip_of(key: str) -> str:
    """The id in a key of trips."""
    return str(json.loads(key)["trip_id"])
