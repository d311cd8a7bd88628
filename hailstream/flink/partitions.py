"""Sources and partitions: why a job may not be wider than its topics."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka.admin import AdminClient

from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import Topic

_TIMEOUT = 30.0


def require_partitions(settings: Settings, topics: Iterable[Topic]) -> None:
    """Each source must have a partition to read, for one without any never makes a watermark.

    Raises:
        HailstreamError: a topic has fewer partitions than the job is parallel.
    """
    admin = AdminClient(settings.kafka_config())
    for topic in topics:
        name = topic.name(settings.namespace)
        partitions = len(admin.list_topics(name, timeout=_TIMEOUT).topics[name].partitions)
        if settings.parallelism > partitions:
            raise HailstreamError(
                f"parallelism {settings.parallelism} is more than the {partitions} partitions of {name}: "
                "sources without a partition would hold back every window",
                hint=f"HAILSTREAM_PARALLELISM={partitions} or less, or more HAILSTREAM_PARTITIONS for a new topic",
                exit_code=2,
            )
