"""What the loader hands to a sink and what a sink promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from hailstream.topics import Topic

# Columns of a frame beside the fields of the message.
PARTITION = "_partition"
OFFSET = "_offset"
APPENDED = "_appended"


class SinkAway(Exception):
    """The sink cannot store anything now; the same rows are to be offered again."""


@dataclass(frozen=True)
class OffsetRange:
    """The messages of one partition from ``first`` to ``last``, both included."""

    partition: int
    first: int
    last: int


@dataclass(frozen=True)
class TopicState:
    """One incarnation of a topic, as the broker and the sink know it.

    Attributes:
        topic_id: the broker's id of it; another one after the topic was deleted and made anew.
        epoch: how many incarnations the sink had seen before it.
    """

    topic_id: str
    epoch: int


@dataclass(frozen=True)
class Rows:
    """Decoded messages of one topic; those of a partition are in offset order.

    Attributes:
        name: of the topic in its namespace.
        frame: the fields of the newest schema; ``_partition``, ``_offset`` and
            ``_appended`` (Kafka record timestamp, milliseconds UTC) beside them.
        ranges: every offset the rows come from, the unreadable ones included.
    """

    topic: Topic
    name: str
    state: TopicState
    frame: pl.DataFrame
    ranges: tuple[OffsetRange, ...]


@dataclass(frozen=True)
class Refused:
    """A message that is in no table of the sink, and why."""

    partition: int
    offset: int
    reason: str


@dataclass(frozen=True)
class Opened:
    """What a sink knows of the topics.

    Attributes:
        epochs: by topic name.
        positions: (topic name, partition) to the next offset, from a sink that
            keeps the positions beside its rows and so loses neither alone; a
            partition that is absent is read from its beginning. None from a sink
            whose positions are the group's committed offsets.
    """

    epochs: Mapping[str, int]
    positions: Mapping[tuple[str, int], int] | None = None


class Sink(Protocol):
    """A database that result rows are loaded into.

    Called by one thread. Both methods raise :class:`SinkAway` when the sink is
    unreachable or overloaded, and are then called again with the same values.
    """

    @property
    def name(self) -> str:
        """Of the sink; also names its consumer group."""

    @property
    def topics(self) -> Sequence[Topic]:
        """What it stores."""

    @property
    def reads_uncommitted(self) -> bool:
        """Whether it may read what a transaction has not committed yet: only for values that the next overwrites."""

    def open(self, topic_ids: Mapping[str, str]) -> Opened:
        """Prepares to store the topics; called before the first write and after each reassignment.

        Args:
            topic_ids: topic name to the broker's id of its present incarnation.
        """

    def write(self, rows: Rows) -> list[Refused]:
        """Stores the rows, durably when it returns; those it names were refused and the rest is stored.

        Guarantees: repeated with the same or overlapping rows, in any cut, it
        changes nothing; a row never replaces one of its key with a higher version.
        """
