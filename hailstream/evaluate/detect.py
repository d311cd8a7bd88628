"""What the rules of alerts find in events, in this process and in order of event time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import polars as pl

from hailstream.domain.alerts.alert import Alert
from hailstream.domain.alerts.single import alerts
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Ended
from hailstream.domain.fold import InOrder
from hailstream.evaluate.events import placed, to_events
from hailstream.folds.groups import SINGLE, wanted_groups

#: Trip, and the trip it was compared with, if it was one.
Pair: TypeAlias = tuple[str, str | None]
#: By rule what it found.
Found: TypeAlias = dict[str, set[Pair]]

PURPOSE = "alerts"


class Detector:
    """The folds of alerts and the rules for single events.

    Args:
        thresholds: from where on they speak.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        groups = [group for group in wanted_groups((PURPOSE,), 1).values() if group.name != SINGLE]
        self._orders: list[InOrder[Alert]] = [InOrder(group.make(thresholds)) for group in groups]
        self.found: Found = {}

    def tell(self, frame: pl.DataFrame) -> None:
        """Take events of ``EVENT_SCHEMA``, none older than those of the frame before."""
        events = list(to_events(placed(frame)))
        if not events:
            return
        self._take(alerts([event for event in events if isinstance(event, Ended)], self._thresholds))
        newest = max(event.time for event in events)
        for order in self._orders:
            order.add(events)
            self._take(order.advance(newest))

    def close(self, watermark: int) -> Found:
        """What was found when time has come to ``watermark`` (ms)."""
        for order in self._orders:
            self._take(order.advance(watermark))
        return self.found

    def _take(self, found: Iterable[Alert]) -> None:
        for alert in found:
            self.found.setdefault(alert.rule.name, set()).add((alert.trip_id, alert.other_trip_id))
