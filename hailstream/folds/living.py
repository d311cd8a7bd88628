"""A fold in memory that can be had again from what was kept of it."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from hailstream.domain.events import Ended, Event, Started
from hailstream.domain.fold import Fold, InOrder

Output = TypeVar("Output")
#: What is logged may grow to so many bytes, or to the size of the snapshot if that is larger.
LOG_BYTES = 256 * 1024


class Kept(Protocol):
    """Where a fold is kept: a snapshot and the log of the batches of events since, and the time it has come to."""

    def snapshot(self) -> bytes | None: ...

    def log(self) -> Iterable[bytes]: ...

    def append(self, batch: bytes) -> None: ...

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
    def restored(cls, fold: Fold[Output], kept: Kept) -> Living[Output]:
        """The fold as it was when it was last kept: what it said then is not said again."""
        living = cls(fold, InOrder(fold), kept)
        snapshot = kept.snapshot()
        if snapshot is not None:
            fold.state, waiting = pickle.loads(snapshot)  # written by ourselves, in the job's own state
            living.order.add(map(_event, waiting))
            living.snapshot_bytes = len(snapshot)
        for batch in kept.log():
            living.order.add(map(_event, pickle.loads(batch)))
            living.logged += len(batch)
        reached = kept.reached()
        if reached is not None:
            for _ in living.order.advance(reached):
                pass
        return living

    def add(self, events: Iterable[Event]) -> None:
        """Take events and log them."""
        taken = list(events)
        if not taken:
            return
        batch = pickle.dumps([tuple(event) for event in taken], pickle.HIGHEST_PROTOCOL)
        self.kept.append(batch)
        self.logged += len(batch)
        self.order.add(taken)

    def advance(self, watermark: int) -> Iterator[Output]:
        """What follows before the watermark; the fold is kept as it is then."""
        yield from self.order.advance(watermark)
        if self.order.next_moment() is None:
            self.kept.clear()
            self.logged = self.snapshot_bytes = 0
            return
        if self.logged <= max(LOG_BYTES, self.snapshot_bytes):
            self.kept.reach(watermark)
            return
        waiting = [tuple(event) for event in self.order.waiting()]
        snapshot = pickle.dumps((self.fold.state, waiting), pickle.HIGHEST_PROTOCOL)
        self.kept.replace(snapshot)
        self.logged, self.snapshot_bytes = 0, len(snapshot)


_STARTED_FIELDS = len(Started._fields)


def _event(values: tuple[object, ...]) -> Event:
    made = Started if len(values) == _STARTED_FIELDS else Ended
    return made._make(values)
