"""Noticing that an open transaction holds a reader of committed data up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

DEFAULT_SECONDS = 30.0


@dataclass(frozen=True)
class PartitionState:
    """Where a consumer and the broker stand in one partition.

    Attributes:
        next: offset that the consumer reads next.
        stable: first offset of an open transaction, or the end when there is none.
        end: offset that the next message will get.
    """

    topic: str
    partition: int
    next: int
    stable: int
    end: int

    @property
    def lag(self) -> int:
        """Messages that can be read and are not yet."""
        return max(self.stable - self.next, 0)

    @property
    def held_back(self) -> int:
        """Messages that exist and cannot be read before their transaction ends."""
        return max(self.end - max(self.stable, self.next), 0)


class HeldUp:
    """Tells when partitions have been held up for long, once at each change.

    Args:
        seconds: how long the first unstable offset may stand still; checkpoints
            end a transaction about every second.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since: dict[tuple[str, int], tuple[int, float]] = {}
        self._said: set[tuple[str, int]] = set()

    def observe(self, states: Iterable[PartitionState]) -> list[str]:
        """What to say now; nothing when nothing changed since the last time."""
        lines = []
        for state in states:
            key = (state.topic, state.partition)
            if not (state.held_back and state.lag == 0):
                self._since.pop(key, None)
                if key in self._said:
                    self._said.discard(key)
                    lines.append(f"{state.topic} partition {state.partition} is no longer held up")
                continue
            stable, since = self._since.get(key, (-1, 0.0))
            if stable != state.stable:
                self._since[key] = (state.stable, self._clock())
            elif self._clock() - since >= self._seconds and key not in self._said:
                self._said.add(key)
                lines.append(
                    f"{state.topic} partition {state.partition}: {state.held_back} messages after offset "
                    f"{state.stable} are held up by a transaction that has been open for over {self._seconds:.0f} s. "
                    "A job that checkpoints ends it soon; one that was killed for good leaves it until its "
                    "transaction timeout (`hailstream jobs list`; cancelling a job aborts its transactions)"
                )
        return lines
