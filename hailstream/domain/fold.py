"""State that follows events in order of their time.

A *fold* is told events and the passing of time, in order, and says what follows
from them. :class:`InOrder` gives it that order out of events that come as they
come and a watermark: whatever the cut of the batches and the speed, the fold
sees the same sequence, so its answers are a function of the events alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import chain
from typing import Any, Final, Generic, Protocol, TypeVar

from hailstream.domain.events import Ended, Event

SECOND_MS: Final = 1000

Output = TypeVar("Output")
Answer = TypeVar("Answer", covariant=True)


class Fold(Protocol[Answer]):
    """Rules with a memory.

    Attributes:
        state: all of the memory, as what can be pickled without any class of ours; may be replaced.
    """

    state: Any

    def event(self, event: Event) -> Iterable[Answer]:
        """What follows from an event; events come in order of time, ends before starts of the same moment."""

    def due(self) -> int | None:
        """The next moment (ms) at which something follows from time alone."""

    def at(self, moment: int) -> Iterable[Answer]:
        """What follows at the moment that was due; all events up to and at it have been told."""


class Together(Generic[Output]):
    """Several folds over the same events, as one."""

    def __init__(self, *folds: Fold[Output]) -> None:
        self._folds = folds

    @property
    def state(self) -> Any:
        return [fold.state for fold in self._folds]

    @state.setter
    def state(self, states: Any) -> None:
        for fold, state in zip(self._folds, states, strict=True):
            fold.state = state

    def event(self, event: Event) -> Iterator[Output]:
        for fold in self._folds:
            yield from fold.event(event)

    def due(self) -> int | None:
        return min((due for fold in self._folds if (due := fold.due()) is not None), default=None)

    def at(self, moment: int) -> Iterator[Output]:
        for fold in self._folds:
            if fold.due() == moment:
                yield from fold.at(moment)


class InOrder(Generic[Output]):
    """Tells a fold its events in order of time, as far as a watermark has come."""

    def __init__(self, fold: Fold[Output]) -> None:
        self._fold = fold
        # By second, so that a watermark touches those it passes and no others.
        self._seconds: dict[int, list[Event]] = {}
        self._order: list[int] = []

    def add(self, events: Iterable[Event]) -> None:
        """Take events, none of them older than the last watermark."""
        for event in events:
            second = event.time // SECOND_MS
            if second not in self._seconds:
                self._seconds[second] = []
                heappush(self._order, second)
            self._seconds[second].append(event)

    def waiting(self) -> Iterator[Event]:
        """The events that are told once the watermark is beyond them."""
        return chain.from_iterable(self._seconds.values())

    def advance(self, watermark: int) -> Iterator[Output]:
        """All that follows before ``watermark`` (ms), from which on events may still come."""
        fold = self._fold
        for event in sorted(self._ready(watermark), key=_told_first):
            while (due := fold.due()) is not None and due < event.time:
                yield from fold.at(due)
            yield from fold.event(event)
        while (due := fold.due()) is not None and due < watermark:
            yield from fold.at(due)

    def next_moment(self) -> int | None:
        """The first moment (ms) for which a watermark beyond it would bring something."""
        moments = [event.time for event in self._seconds[self._order[0]]] if self._order else []
        due = self._fold.due()
        if due is not None:
            moments.append(due)
        return min(moments, default=None)

    def _ready(self, watermark: int) -> list[Event]:
        ready: list[Event] = []
        while self._order and self._order[0] * SECOND_MS < watermark:
            second = heappop(self._order)
            events = self._seconds.pop(second)
            if (second + 1) * SECOND_MS <= watermark:
                ready += events
            else:
                ready += [event for event in events if event.time < watermark]
                self.add(event for event in events if event.time >= watermark)
                break
        return ready


def _told_first(event: Event) -> tuple[int, bool, str]:
    return event.time, not isinstance(event, Ended), event.trip_id
