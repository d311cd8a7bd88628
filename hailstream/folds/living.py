"""A fold in memory that can be had again from what was kept of it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from hailstream.domain.events import Ended, MinuteEnded, Started
from hailstream.domain.fold import NEVER, Fold, InOrder, Told, is_empty
from hailstream.folds.dumping import dump

Output = TypeVar("Output")
#: What is logged may grow to so many bytes, or to the size of the snapshot if that is larger.
LOG_BYTES = 256 * 1024


class Kept(Protocol):
    """Where a fold is kept: a snapshot and the log of what events were read from since, and the time it has come to."""

    def snapshot(self) -> bytes | None: ...

    def log(self) -> Iterable[bytes]: ...

    def append(self, record: bytes) -> None: ...

    def reached(self) -> int | None: ...

    def reach(self, watermark: int) -> None: ...

    def replace(self, snapshot: bytes) -> None:
        """Put a snapshot in the place of the old one and of the log."""

    def clear(self) -> None: ...


@dataclass
class Living(Generic[Output]):
    """A fold, its waiting events, and how much was logged since its snapshot."""

    fold: Fold[Output]
    order: InOrder[Output]
    kept: Kept
    logged: int = 0
    snapshot_bytes: int = 0

    @classmethod
    def restored(cls, fold: Fold[Output], kept: Kept, read: Callable[[bytes], Iterable[Told]]) -> Living[Output]:
        """The fold as it was when it was last kept: what it said then is not said again.

        Args:
            fold: without memory.
            kept: where it is kept.
            read: from what was logged to its events.
        """
        living = cls(fold, InOrder(fold), kept)
        snapshot = kept.snapshot()
        if snapshot is not None:
            fold.state, waiting = pickle.loads(snapshot)  # written by ourselves, in the job's own state
            living.order.add(map(_event, waiting))
            living.snapshot_bytes = len(snapshot)
        for record in kept.log():
            living.order.add(read(record))
            living.logged += len(record)
        reached = kept.reached()
        if reached is not None:
            living.order.advance(reached)
        return living

    def add(self, events: Iterable[Told], record: bytes) -> None:
        """Take events, and log the record that they can be read from again."""
        self.kept.append(record)
        self.logged += len(record)
        self.order.add(events)

    def advance(self, watermark: int) -> list[Output]:
        """What follows before the watermark; the fold is kept as it is then."""
        answers = self.order.advance(watermark)
        if self.order.next_moment() == NEVER and is_empty(self.fold.state):
            self.kept.clear()
            self.logged = self.snapshot_bytes = 0
        elif self.logged <= max(LOG_BYTES, self.snapshot_bytes):
            self.kept.reach(watermark)
        else:
            waiting = [tuple(event) for event in self.order.waiting()]
            snapshot = dump((self.fold.state, waiting))
            self.kept.replace(snapshot)
            self.logged, self.snapshot_bytes = 0, len(snapshot)
        return answers


_KINDS: dict[int, type[Started | Ended | MinuteEnded]] = {
    len(kind._fields): kind for kind in (Started, Ended, MinuteEnded)
}


def _event(values: tuple[object, ...]) -> Told:
    return _KINDS[len(values)]._make(values)
