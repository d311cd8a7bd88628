"""How far a job has read the log."""

from __future__ import annotations

from hailstream.jobs.catalog import JobSpec
from hailstream.replay.broker import LogReader
from hailstream.settings import Settings


def records_unread(spec: JobSpec, settings: Settings) -> int:
    """Records of a job's topics that it has not committed as read; it commits a moment after each checkpoint.

    Raises:
        HailstreamError: Kafka refuses to tell.
    """
    reader = LogReader(settings)
    partitions = reader.partitions([topic.name(settings.namespace) for topic in spec.reads])
    ends = reader.ends(partitions)
    begins, read = reader.begins(partitions), reader.committed(settings.consumer_group(spec.name), partitions)
    return sum(
        max(0, end - read[topic].get(number, begins[topic][number]))
        for topic, by_partition in ends.items()
        for number, end in by_partition.items()
    )
