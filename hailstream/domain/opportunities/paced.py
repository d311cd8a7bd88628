"""Lists for people and tables: of each second the last one, not every one that an end brings about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hailstream.domain.events import Ended
from hailstream.domain.opportunities.answers import Opportunity
from hailstream.domain.opportunities.fold import Opportunities

SECOND_MS: Final = 1000


class PacedOpportunities(Opportunities):
    """As :class:`Opportunities`, but a list that changes is said once a second of event time.

    What is said is the list as the last end of the second left it, if it is another one
    than was said before.
    """

    def __init__(self) -> None:
        super().__init__()
        # The last end of the open second: trip, start, end.
        self._last: tuple[str, int, int] | None = None

    @property
    def state(self) -> Any:
        return self._window, [ranking.shown for ranking in self._rankings()], self._last

    @state.setter
    def state(self, state: Any) -> None:
        trips, shown, self._last = state
        self._restore(trips)
        for ranking, known in zip(self._rankings(), shown, strict=True):
            ranking.show(known)

    @property
    def due(self) -> int:
        emptied = super().due
        return emptied if self._last is None else min(emptied, self._last[2] // SECOND_MS * SECOND_MS + SECOND_MS - 1)

    def event(self, event: Ended) -> Sequence[Opportunity]:
        if self._take(event):
            self._last = (event.trip_id, event.started_at, event.time)
        return ()

    def tell(self, told: Sequence[Any], watermark: int) -> Sequence[Opportunity]:
        """See :meth:`Fold.tell`."""
        answers: list[Opportunity] = []
        due = self.due  # never later than it is
        for end in told:
            time = end[0]
            if due < time:
                answers += self._until(time)
                due = self.due
            if self._take(end):
                self._last = (end.trip_id, end.started_at, time)
                due = min(due, time // SECOND_MS * SECOND_MS + SECOND_MS - 1)
        return answers + self._until(watermark)

    def _until(self, now: int) -> list[Opportunity]:
        """What follows from time alone before ``now``."""
        answers: list[Opportunity] = []
        while (due := self.due) < now:
            answers += self.at(due)
        return answers

    def at(self, moment: int) -> Sequence[Opportunity]:
        if self._last is None:
            return super().at(moment)
        last, self._last = self._last, None
        return self._changes(last[2], last)

    def _rankings(self) -> list[Any]:
        return [ranking for _, ranking, *_ in (*self._routes, *self._areas)]
