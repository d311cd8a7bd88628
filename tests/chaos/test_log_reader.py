"""What asks a broker for the ends of its log asks again after the broker was killed."""

from __future__ import annotations

import psutil

from hailstream.local.manager import Manager
from hailstream.replay.broker import LogReader
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS


def test_the_ends_of_the_log_are_told_again_after_a_kill(namespace: Settings) -> None:
    reader = LogReader(namespace, lambda _: None)
    partitions = reader.partitions(topic.name(namespace.namespace) for topic in EVENT_TOPICS)
    before = reader.ends(partitions)
    for _ in range(2):
        psutil.Process(Manager(namespace.home_dir).processes()["kafka"].pid).kill()
        assert reader.ends(partitions) == before
