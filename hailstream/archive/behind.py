"""How far an archive is behind the log."""

from __future__ import annotations

from hailstream.archive.manifest import read_manifest
from hailstream.archive.store import open_store
from hailstream.replay.broker import LogReader
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS


def records_behind(settings: Settings) -> int:
    """Records of the event topics that the archive does not have without a gap, so far.

    Raises:
        HailstreamError: Kafka is away, or a file cannot be read.
    """
    reader = LogReader(settings)
    partitions = reader.partitions([topic.name(settings.namespace) for topic in EVENT_TOPICS])
    begins, ends = reader.begins(partitions), reader.ends(partitions)
    behind = 0
    for topic in EVENT_TOPICS:
        found = read_manifest(open_store(topic, settings)).partitions
        name = topic.name(settings.namespace)
        for number, end in ends[name].items():
            reached = found[number].end if number in found else begins[name][number]
            behind += max(0, end - reached)
    return behind
