"""What is checked before the first event is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hailstream.errors import HailstreamError
from hailstream.replay.broker import LogReader, Offsets


def require_no_late_replay(
    reader: LogReader, partitions: Mapping[str, int], first: datetime | None, *, allow_late: bool
) -> None:
    """Do nothing when the source begins where the topics end, or later.

    Args:
        first: time of the source's first event; None when it has none.

    Raises:
        HailstreamError: a topic holds records later than the source's first
            event, so that jobs would take events for late ones; names both.
    """
    if first is None or allow_late:
        return
    for topic, newest in reader.newest(partitions).items():
        if newest > first:
            raise HailstreamError(
                f"topic {topic} already reaches {newest:%Y-%m-%dT%H:%M:%SZ} (its heartbeats included), and the source "
                f"begins at {first:%Y-%m-%dT%H:%M:%SZ}: the jobs would see its events as late",
                hint="replay into another --namespace; --resume goes on with an interrupted replay; "
                "--allow-late sends all the same (between files that follow each other use --no-final-heartbeat)",
            )


def require_same_topics(then: Offsets, now: Offsets) -> None:
    """Do nothing when every partition is there and holds at least what it held.

    Args:
        then: ends of the log when the replay was stopped.
        now: ends of the log on resuming.

    Raises:
        HailstreamError: a topic was deleted or has another number of partitions; names it.
    """
    for topic, ends in then.items():
        found = now.get(topic, {})
        if found.keys() != ends.keys() or any(found[partition] < end for partition, end in ends.items()):
            raise HailstreamError(
                f"cannot resume: topic {topic} was deleted, or its partitions were changed, since the stop",
                hint="start anew without --resume",
            )
