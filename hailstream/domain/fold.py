"""State that follows events in order of their time.

A *fold* is told events and the passing of time, in order, and says what follows
from them. :class:`InOrder` gives it that order out of events that come as they
come and a watermark: whatever the cut of the batches and the speed, the fold
sees the same sequence, so its answers are a function of the events alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain
from operator import itemgetter
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

from hailstream.domain.events import MINUTE_RANK, Event, MinuteEnded

SECOND_MS: Final = 1000
#: Due of a fold for which time alone brings nothing.
NEVER: Final = 2**63 - 1

#: What is told in order.
Told: TypeAlias = Event | MinuteEnded

Output = TypeVar("Output")
Answer = TypeVar("Answer", covariant=True)

#: Order of telling: time, ends before starts, trip.
_TOLD_FIRST: Final = itemgetter(0, 1, 2)


class Fold(Protocol[Answer]):
    """Rules with a memory.

    Attributes:
        state: all of the memory, as what can be pickled without any class of ours; may be replaced. Nothing is
            remembered if it is empty, 0 or None, or a tuple or list of such (see :func:`is_empty`).
        due: the next moment (ms) at which something may follow from time alone, or ``NEVER``.
    """

    state: Any

    @property
    def due(self) -> int: ...

    def event(self, event: Event) -> Sequence[Answer]:
        """What follows from an event; events come in order of time, ends before starts of the same moment."""

    def at(self, moment: int) -> Sequence[Answer]:
        """What follows at the moment that was due, which is due no longer; events up to and at it were told."""


@runtime_checkable
class MinuteFold(Fold[Answer], Protocol[Answer]):
    """A fold that is told the ends of minutes too."""

    def minute(self, end: int) -> Sequence[Answer]:
        """What follows from the end (ms) of a minute; all events before it were told, and none behind it."""


def is_empty(state: Any) -> bool:
    """Whether a fold's state holds no memory."""
    return not state or (isinstance(state, tuple | list) and all(map(is_empty, state)))


class Together(Generic[Output]):
    """Several folds over the same events, as one."""

    def __init__(self, *folds: Fold[Output]) -> None:
        self._folds = folds
        self._by_minute = [fold for fold in folds if isinstance(fold, MinuteFold)]

    @property
    def state(self) -> Any:
        return [fold.state for fold in self._folds]

    @state.setter
    def state(self, states: Any) -> None:
        for fold, state in zip(self._folds, states, strict=True):
            fold.state = state

    @property
    def due(self) -> int:
        due = NEVER
        for fold in self._folds:
            if (of_fold := fold.due) < due:
                due = of_fold
        return due

    def event(self, event: Event) -> Sequence[Output]:
        answers: list[Output] = []
        for fold in self._folds:
            if found := fold.event(event):
                answers += found
        return answers

    def at(self, moment: int) -> Sequence[Output]:
        return [answer for fold in self._folds if fold.due == moment for answer in fold.at(moment)]

    def minute(self, end: int) -> Sequence[Output]:
        return [answer for fold in self._by_minute for answer in fold.minute(end)]


class InOrder(Generic[Output]):
    """Tells a fold its events in order of time, as far as a watermark has come."""

    def __init__(self, fold: Fold[Output]) -> None:
        self._fold = fold
        # By second, so that a watermark touches those it passes and no others.
        self._seconds: dict[int, list[Told]] = {}
        self._order: list[int] = []

    def add(self, events: Iterable[Told]) -> None:
        """Take events, none of them older than the last watermark."""
        seconds = self._seconds
        for event in events:
            second = event[0] // SECOND_MS
            waiting = seconds.get(second)
            if waiting is None:
                seconds[second] = [event]
                heappush(self._order, second)
            else:
                waiting.append(event)

    def waiting(self) -> Iterator[Told]:
        """The events that are told once the watermark is beyond them."""
        return chain.from_iterable(self._seconds.values())

    def advance(self, watermark: int) -> list[Output]:
        """All that follows before ``watermark`` (ms), from which on events may still come."""
        fold: Any = self._fold
        answers: list[Output] = []
        due = fold.due
        for event in sorted(self._ready(watermark), key=_TOLD_FIRST):
            while due < event[0]:
                answers += fold.at(due)
                due = fold.due
            if event[1] == MINUTE_RANK:
                answers += fold.minute(event[0])
            else:
                answers += fold.event(event)
            due = fold.due
        while due < watermark:
            answers += fold.at(due)
            due = fold.due
        return answers

    def next_moment(self) -> int:
        """The first moment (ms) for which a watermark beyond it may bring something, or ``NEVER``."""
        waiting = min(event[0] for event in self._seconds[self._order[0]]) if self._order else NEVER
        return min(waiting, self._fold.due)

    def _ready(self, watermark: int) -> list[Told]:
        ready: list[Told] = []
        while self._order and self._order[0] * SECOND_MS < watermark:
            second = heappop(self._order)
            events = self._seconds.pop(second)
            if (second + 1) * SECOND_MS <= watermark:
                ready += events
            else:
                ready += [event for event in events if event[0] < watermark]
                self.add(event for event in events if event[0] >= watermark)
                break
        return ready
