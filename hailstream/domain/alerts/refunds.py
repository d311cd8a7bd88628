"""Refunds: an end whose negative total mirrors a fare."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, TypeAlias

from hailstream.domain.alerts.alert import REFUND_OF_FARE, Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import ENDED_RANK, Ended
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

    ranks = frozenset({ENDED_RANK})

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

    def tell(self, told: Sequence[Any], watermark: int) -> Sequence[Alert]:
        """See :meth:`Fold.tell`."""
        known, dues, wait, alerts = self._known, self._dues, self._wait, list[Alert]()
        for end in told:
            cents = end.total_cents
            if not cents:
                continue
            time = end.time
            while dues and dues[0][0] < time:
                self._forget()
            key = (end.vendor_id, end.started_at, end.zone_id, abs(cents))
            before = known.get(key)
            if before is None:
                known[key] = ((end.trip_id, cents < 0, False),)
            elif any(trip == end.trip_id for trip, _, _ in before):
                continue
            else:
                alerts += self._beside(before, key, end)
            dues.append((time + wait, key))
        while dues and dues[0][0] < watermark:
            self._forget()
        return alerts

    def _beside(self, before: tuple[Known, ...], key: Key, end: Ended) -> Sequence[Alert]:
        """An end beside others of its key."""
        refund = (end.total_cents or 0) < 0
        other = next((known for known in before if known[1] != refund and not known[2]), None)
        if other is None:
            self._known[key] = (*before, (end.trip_id, refund, False))
            return ()
        paired = [(known[0], known[1], True) if known is other else known for known in before]
        self._known[key] = (*paired, (end.trip_id, refund, True))
        given, taken = (end.trip_id, other[0]) if refund else (other[0], end.trip_id)
        return (Alert(REFUND_OF_FARE, end.time, given, end.zone_id, end.driver_id, -key[3], key[3], taken),)

    def _forget(self) -> None:
        """Forget the end that is due first."""
        _, key = self._dues.popleft()
        left = self._known[key][1:]
        if left:
            self._known[key] = left
        else:
            del self._known[key]
