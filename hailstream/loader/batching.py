"""Messages gathered until there are enough of them, or until they have waited long enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hailstream.loader.contract import OffsetRange


class Message(NamedTuple):
    """A message of a result topic; a tuple because there are many of them.

    Attributes:
        appended: its Kafka record timestamp, milliseconds UTC: when the job sent it.
    """

    topic: str
    partition: int
    offset: int
    appended: int
    value: bytes | None


@dataclass
class TopicMessages:
    """The gathered messages of one topic, as columns."""

    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    appended: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.offsets)

    def add(self, message: Message) -> None:
        self.partitions.append(message.partition)
        self.offsets.append(message.offset)
        self.appended.append(message.appended)
        self.values.append(message.value)

    def ranges(self) -> tuple[OffsetRange, ...]:
        """First and last offset of each partition, in partition order."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for partition, offset in zip(self.partitions, self.offsets, strict=True):
            first.setdefault(partition, offset)
            last[partition] = offset
        return tuple(OffsetRange(p, first[p], last[p]) for p in sorted(first))


class Batcher:
    """Gathers messages and says when they are due.

    Args:
        max_rows: due when so many are held.
        max_seconds: due when the oldest has been held so long; 0 means at once.
        clock: monotonic seconds.
    """

    def __init__(self, max_rows: int, max_seconds: float, clock: Callable[[], float]) -> None:
        self._max_rows = max_rows
        self._max_seconds = max_seconds
        self._clock = clock
        self._held: dict[str, TopicMessages] = {}
        self._rows = 0
        self._since: float | None = None

    @property
    def room(self) -> int:
        """How many more messages fit."""
        return max(self._max_rows - self._rows, 0)

    @property
    def wait(self) -> float:
        """Seconds until what is held is due; the whole waiting time when nothing is held."""
        if self._since is None:
            return self._max_seconds
        return max(self._since + self._max_seconds - self._clock(), 0.0)

    @property
    def due(self) -> bool:
        return self._rows > 0 and (self.room == 0 or self.wait == 0.0)

    def add(self, messages: Iterable[Message]) -> None:
        """Holds messages; those of one partition come in offset order."""
        for message in messages:
            if self._since is None:
                self._since = self._clock()
            self._held.setdefault(message.topic, TopicMessages()).add(message)
            self._rows += 1

    def take(self) -> dict[str, TopicMessages]:
        """Everything held, by topic; nothing is held afterwards."""
        taken, self._held, self._rows, self._since = self._held, {}, 0, None
        return taken
