"""Rides that began and do not end, and ends that say something else than their starts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from hailstream.domain.alerts.alert import END_DISAGREES, RIDE_OPEN_TOO_LONG, Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import ENDED_RANK, LATE_RANK, STARTED_RANK
from hailstream.domain.fold import NEVER
from hailstream.domain.zones import UNKNOWN

#: Start times that differ by less are the same: sources round to the second.
_SAME_MS: Final = 1000

#: What both events of a ride say: time of the start, zone of the start, driver.
Said: TypeAlias = tuple[int, int, str | None]


class OpenRides:
    """Alerts at start + limit when no end was told by then, and when an end disagrees with its start.

    An end that comes before its start closes it too. What is known of a ride is
    forgotten after both its events, or after the limit. What is not known disagrees with nothing.
    """

    ranks = frozenset({ENDED_RANK, LATE_RANK, STARTED_RANK})

    def __init__(self, thresholds: Thresholds) -> None:
        self._limit = thresholds.open_ms
        # Trip to what its start said; trip to time and word of the end that came first. Both in order of time.
        # A plain dict looks for its first item behind the places of all that were taken out.
        self._opened: OrderedDict[str, Said] = OrderedDict()
        self._ended: OrderedDict[str, tuple[int, Said]] = OrderedDict()

    @property
    def state(self) -> Any:
        return self._opened, self._ended

    @state.setter
    def state(self, state: Any) -> None:
        self._opened, self._ended = state

    @property
    def due(self) -> int:
        for start, _, _ in self._opened.values():
            due = start + self._limit
            break
        else:
            due = NEVER
        for end, _ in self._ended.values():
            return min(due, end + self._limit)
        return due

    def tell(self, told: Sequence[Any], watermark: int) -> Sequence[Alert]:
        """See :meth:`Fold.tell`."""
        opened, ended, alerts = self._opened, self._ended, list[Alert]()
        # Nothing is due before; what is told makes nothing due that is before its own time.
        due = self.due
        for event in told:
            time, rank, trip = event[:3]
            if due < time:
                alerts += self._overdue(time)
                due = min(self.due, time + self._limit)
            if rank == STARTED_RANK:
                start = (time, event.zone_id, event.driver_id)
                if trip in ended:
                    _, end = ended.pop(trip)
                else:
                    if trip not in opened:
                        opened[trip] = start
                        due = min(due, time + self._limit)
                    continue
            else:
                end = (event.started_at, event.zone_id, event.driver_id)
                if trip in opened:
                    start = opened.pop(trip)
                else:
                    ended[trip] = (time, end)
                    ended.move_to_end(trip)
                    due = min(due, time + self._limit)
                    continue
            if start != end:
                alerts += _disagreement(trip, start, end)
        return alerts + self._overdue(watermark)

    def _overdue(self, now: int) -> list[Alert]:
        """What was due before ``now``."""
        late, seconds, alerts = now - self._limit, self._limit / 1000, []
        while self._opened:
            trip, (time, zone, driver) = next(iter(self._opened.items()))
            if time >= late:
                break
            del self._opened[trip]
            alerts.append(Alert(RIDE_OPEN_TOO_LONG, time + self._limit, trip, zone, driver, seconds, seconds))
        while self._ended:
            trip, (time, _) = next(iter(self._ended.items()))
            if time >= late:
                break
            del self._ended[trip]
        return alerts


def _disagreement(trip: str, start: Said, end: Said) -> Sequence[Alert]:
    said: dict[str, float | int | str | None] = {}
    if abs(start[0] - end[0]) >= _SAME_MS:
        said |= {"start_time": start[0], "end_started_at": end[0]}
    if UNKNOWN not in (start[1], end[1]) and start[1] != end[1]:
        said |= {"start_zone": start[1], "end_zone": end[1]}
    if None not in (start[2], end[2]) and start[2] != end[2]:
        said |= {"start_driver": start[2], "end_driver": end[2]}
    if not said:
        return ()
    return (Alert(END_DISAGREES, start[0], trip, start[1], start[2], len(said) // 2, 0, evidence=said),)
