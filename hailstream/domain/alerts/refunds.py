"""Refunds: an end whose negative total mirrors a fare."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, TypeAlias

from hailstream.domain.alerts.alert import REFUND_OF_FARE, Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import ENDED_RANK, Ended, Event
from hailstream.domain.fold import NEVER

#: Vendor, start, zone, cents without sign.
Key: TypeAlias = tuple[str | None, int, int, int]
#: Trip, is a refund, has a partner.
Known: TypeAlias = tuple[str, bool, bool]


class Refunds:
    """Pairs a negative total with a positive one of the same vendor, start and zone: one alert a pair.

    Whichever comes first waits for the other, as long as the thresholds say. A second copy
    of an end is not another one.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._wait = thresholds.refund_ms
        # Ends by key, oldest first; (due, key) of each end, in order of time.
        self._known: dict[Key, tuple[Known, ...]] = {}
        self._dues: deque[tuple[int, Key]] = deque()

    @property
    def state(self) -> Any:
        return self._known, self._dues

    @state.setter
    def state(self, state: Any) -> None:
        self._known, self._dues = state

    @property
    def due(self) -> int:
        return self._dues[0][0] if self._dues else NEVER

    def event(self, event: Event) -> Sequence[Alert]:
        if event.rank != ENDED_RANK or not isinstance(event, Ended) or not event.total_cents:
            return ()
        cents = event.total_cents
        refund = cents < 0
        key = (event.vendor_id, event.started_at, event.zone_id, abs(cents))
        before = self._known.get(key, ())
        if before and any(trip == event.trip_id for trip, _, _ in before):
            return ()
        other = next((end for end in before if end[1] != refund and not end[2]), None)
        self._dues.append((event.time + self._wait, key))
        if other is None:
            self._known[key] = (*before, (event.trip_id, refund, False))
            return ()
        paired = [(end[0], end[1], True) if end is other else end for end in before]
        self._known[key] = (*paired, (event.trip_id, refund, True))
        given, taken = (event.trip_id, other[0]) if refund else (other[0], event.trip_id)
        return (Alert(REFUND_OF_FARE, event.time, given, event.zone_id, event.driver_id, -key[3], key[3], taken),)

    def at(self, moment: int) -> Sequence[Alert]:
        while self._dues and self._dues[0][0] == moment:
            _, key = self._dues.popleft()
            left = self._known[key][1:]
            if left:
                self._known[key] = left
            else:
                del self._known[key]
        return ()
