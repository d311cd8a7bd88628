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
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from hailstream.domain.events import Ended, Event, MinuteEnded

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
        ranks: of what it is told.
        state: all of the memory, as what can be pickled without any class of ours; may be replaced. Nothing is
            remembered if it is empty, 0 or None, or a tuple or list of such (see :func:`is_empty`).
        due: the next moment (ms) at which something may follow from time alone, or ``NEVER``.
    """

    ranks: frozenset[int]
    state: Any

    @property
    def due(self) -> int: ...

    def tell(self, told: Sequence[Told], watermark: int) -> Sequence[Answer]:
        """What follows from events, and from time alone before ``watermark`` (ms).

        Args:
            told: in order of time, rank and trip; none of them is at the watermark or behind it.
        """


class OneByOne(Generic[Output]):
    """A fold that looks at one event at a time, for those where that is fast enough."""

    @property
    def due(self) -> int:
        raise NotImplementedError

    def event(self, event: Ended) -> Sequence[Output]:
        """What follows from an end; ends come in order of time."""
        raise NotImplementedError

    def at(self, moment: int) -> Sequence[Output]:
        """What follows at the moment that was due, which is due no longer; events up to and at it were told."""
        raise NotImplementedError

    def tell(self, told: Sequence[Told], watermark: int) -> Sequence[Output]:
        """See :meth:`Fold.tell`."""
        answers: list[Output] = []
        due = self.due
        for event in told:
            while due < event[0]:
                answers += self.at(due)
                due = self.due
            if isinstance(event, Ended):
                answers += self.event(event)
                due = self.due
        while due < watermark:
            answers += self.at(due)
            due = self.due
        return answers


def is_empty(state: Any) -> bool:
    """Whether a fold's state holds no memory."""
    return not state or (isinstance(state, tuple | list) and all(map(is_empty, state)))


class Together(Generic[Output]):
    """Several folds over the same events, as one; what they answer is in the order of the folds, then of time."""

    def __init__(self, *folds: Fold[Output]) -> None:
        self._folds = folds
        self.ranks = frozenset().union(*(fold.ranks for fold in folds))

    @property
    def state(self) -> Any:
        return [fold.state for fold in self._folds]

    @state.setter
    def state(self, states: Any) -> None:
        for fold, state in zip(self._folds, states, strict=True):
            fold.state = state

    @property
    def due(self) -> int:
        return min((fold.due for fold in self._folds), default=NEVER)

    def tell(self, told: Sequence[Told], watermark: int) -> Sequence[Output]:
        """See :meth:`Fold.tell`; each fold is told what it reads."""
        there = {event[1] for event in told}
        read: dict[frozenset[int], Sequence[Told]] = {frozenset(there): told}
        answers: list[Output] = []
        for fold in self._folds:
            ranks = fold.ranks & there
            if ranks not in read:
                read[ranks] = [event for event in told if event[1] in ranks]
            answers += fold.tell(read[ranks], watermark)
        return answers


class InOrder(Generic[Output]):
    """Tells a fold its events in order of time, as far as a watermark has come."""

    def __init__(self, fold: Fold[Output]) -> None:
        self._fold = fold
        # By second, so that a watermark touches those it passes and no others.
        self._seconds: dict[int, list[Told]] = {}
        self._order: list[int] = []

    def add(self, events: Iterable[Told]) -> None:
        """Take those that the fold is told, none of them older than the last watermark."""
        seconds, ranks = self._seconds, self._fold.ranks
        for event in events:
            if event[1] not in ranks:
                continue
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
        return list(self._fold.tell(sorted(self._ready(watermark), key=_TOLD_FIRST), watermark))

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
