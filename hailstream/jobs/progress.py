"""How far a job has read the log."""

from __future__ import annotations

from hailstream.jobs.catalog import JobSpec
from hailstream.replay.broker import LogReader, Offsets
from hailstream.settings import Settings


def log_ends(spec: JobSpec, settings: Settings) -> Offsets:
    """The offset that the next record of each partition gets which a job reads.

    Raises:
        HailstreamError: Kafka refuses to tell.
    """
    reader = LogReader(settings)
    return reader.ends(reader.partitions([topic.name(settings.source.namespace) for topic in spec.reads]))


def records_unread(spec: JobSpec, settings: Settings, ends: Offsets | None = None) -> int:
    """Records that a job has not committed as read; it commits a moment after each checkpoint.

    Args:
        ends: up to which; None: those of now.

    Raises:
        HailstreamError: Kafka refuses to tell.
    """
    reader, ends = LogReader(settings), log_ends(spec, settings) if ends is None else ends
    partitions = {topic: len(by_partition) for topic, by_partition in ends.items()}
    begins, read = reader.begins(partitions), reader.committed(settings.consumer_group(spec.name), partitions)
    return sum(
        max(0, end - read[topic].get(number, begins[topic][number]))
        for topic, by_partition in ends.items()
        for number, end in by_partition.items()
    )
