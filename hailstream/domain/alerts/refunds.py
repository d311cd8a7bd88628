"""Refunds: an end whose negative total mirrors a fare."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

from hailstream.domain.alerts.alert import REFUND_OF_FARE, Alert
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Ended, Event


class Refunds:
    """Pairs a negative total with a positive one of the same vendor, start and zone: one alert a pair.

    Whichever comes first waits for the other, as long as the thresholds say. A second copy
    of an end is not another one.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._wait = thresholds.refund_ms
        # (vendor, start, zone, cents without sign) to its ends [trip, is refund, has a partner],
        # oldest first; (due, that key) of each end.
        self.state: Any = ({}, [])

    def event(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, Ended) or not event.total_cents:
            return
        known, dues = self.state
        refund = event.total_cents < 0
        key = (event.vendor_id or "", event.started_at, event.zone_id, abs(event.total_cents))
        ends = known.setdefault(key, [])
        if any(end[0] == event.trip_id for end in ends):
            return
        other = next((end for end in ends if end[1] != refund and not end[2]), None)
        ends.append([event.trip_id, refund, other is not None])
        heappush(dues, (event.time + self._wait, key))
        if other is None:
            return
        other[2] = True
        given, taken = (event.trip_id, other[0]) if refund else (other[0], event.trip_id)
        cents = key[3]
        yield Alert(REFUND_OF_FARE, event.time, given, event.zone_id, event.driver_id, -cents, cents, taken)

    def due(self) -> int | None:
        dues = self.state[1]
        return int(dues[0][0]) if dues else None

    def at(self, moment: int) -> Iterator[Alert]:
        known, dues = self.state
        while dues and dues[0][0] == moment:
            _, key = heappop(dues)
            known[key].pop(0)
            if not known[key]:
                del known[key]
        return iter(())
