"""Fares that stand out from what the zone paid in the hour before.

Fares of a zone differ with the way, so what is compared is a fare over what the
rate card would ask for its distance and time (:func:`fare_ratio`), as a logarithm.
The baseline is the median and the median absolute deviation of the sixty closed
minutes before the fare's own: half of the values may be fraud without moving it
(Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
"""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from hailstream.domain.alerts.alert import FARE_OUTLIER, Alert
from hailstream.domain.alerts.middle import Sorted
from hailstream.domain.alerts.thresholds import MINUTE_MS, Thresholds
from hailstream.domain.clock import NEW_YORK_ZONE
from hailstream.domain.events import Ended, Event
from hailstream.domain.fares import JFK, NEWARK, UNIT_SECONDS, UNITS_PER_MILE, RateCard, rate_card
from hailstream.domain.fold import NEVER
from hailstream.domain.rules import BOUNDS

HOUR_MINUTES: Final = 60
#: A normal distribution's standard deviation per median absolute deviation.
_SIGMA_PER_MAD: Final = 1.4826
#: A tenth of the fare: a zone where all fares are as metered does not make a cent an outlier.
LEAST_SIGMA: Final = 0.1

_FARE, _DISTANCE, _DURATION = BOUNDS.fare, BOUNDS.distance, BOUNDS.duration

Minutes: TypeAlias = "deque[tuple[int, array[float], str]]"


class FareOutliers:
    """Fares far from the zone's trailing hour, by the robust z-score."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._limits = thresholds
        # Zone to [minute of the baseline, its median, sigma and samples; minutes with fares, the open one last;
        # ratios of the closed ones in order], the zone of the newest minute last. A minute is (minute, ratios,
        # newest trip).
        self.state: Any = OrderedDict()

    @property
    def due(self) -> int:
        for zone in self.state.values():
            return int((zone[0] + HOUR_MINUTES + 1) * MINUTE_MS)
        return NEVER

    def event(self, event: Event) -> Sequence[Alert]:
        ratio = fare_ratio(event) if isinstance(event, Ended) else None
        if ratio is None:
            return ()
        minute = event.time // MINUTE_MS
        zone = self.state.get(event.zone_id)
        if zone is None or zone[0] != minute:
            if zone is None:
                zone = self.state[event.zone_id] = [minute, 0.0, 0.0, 0, deque(), array("d")]
            zone[:4] = [minute, *self._baseline(zone[4], Sorted.of(zone[5]), minute)]
            zone[4].append((minute, array("d"), ""))
            self.state.move_to_end(event.zone_id)
        minutes: Minutes = zone[4]
        _, values, last = minutes[-1]
        if event.trip_id == last:
            return ()  # a second copy, which is next to the first
        minutes[-1] = (minute, values, event.trip_id)
        values.append(ratio)
        _, median, sigma, samples, _, _ = zone
        if samples < self._limits.outlier_samples or abs(ratio - median) <= self._limits.outlier_z * sigma:
            return ()
        return (self._alert(event, ratio, median, sigma, samples),)

    def at(self, moment: int) -> Sequence[Alert]:
        gone = moment // MINUTE_MS - HOUR_MINUTES - 1
        for zone_id in [zone_id for zone_id, zone in self.state.items() if zone[0] <= gone]:
            del self.state[zone_id]
        return ()

    def _alert(self, end: Event, ratio: float, median: float, sigma: float, samples: int) -> Alert:
        fare = end.fare_cents or 0 if isinstance(end, Ended) else 0
        z = (ratio - median) / sigma
        evidence = {"fare_cents": fare, "usual_cents": round(fare * math.exp(median - ratio)), "sigma": round(sigma, 4)}
        return Alert(
            FARE_OUTLIER,
            end.time,
            end.trip_id,
            end.zone_id,
            end.driver_id,
            round(z, 3),
            math.copysign(self._limits.outlier_z, z),
            samples=samples,
            evidence=evidence,
        )

    def _baseline(self, minutes: Minutes, closed: Sorted, minute: int) -> tuple[float, float, int]:
        """Median, sigma and samples of the hour before a minute; the minute that was open is closed."""
        if minutes:
            closed.add(minutes[-1][1])
        while minutes and minutes[0][0] < minute - HOUR_MINUTES:
            closed.remove(minutes.popleft()[1])
        if len(closed) < self._limits.outlier_samples:
            return 0.0, 0.0, len(closed)
        median = closed.median()
        return median, max(_SIGMA_PER_MAD * closed.deviation(median), LEAST_SIGMA), len(closed)


def fare_ratio(end: Ended) -> float | None:
    """Logarithm of the fare over what the card would ask; None for a trip outside the bounds or not known.

    That is the flat fare under rate code 2, the meter and the part above it under
    rate code 3, and the meter under any other, or none.
    """
    fare, miles = end.fare_cents, end.miles
    seconds = (end.time - end.started_at) / 1000
    if fare is None or miles is None or not 0 < fare <= _FARE.high or not _DISTANCE.low <= miles <= _DISTANCE.high:
        return None
    if not _DURATION.low <= seconds / 60 <= _DURATION.high:
        return None
    card = _card(end.started_at // 3_600_000)
    by_distance, by_time = miles * UNITS_PER_MILE, seconds / UNIT_SECONDS
    # In the middle between the fewest and the most units that the meter can have counted.
    units = (max(by_distance, by_time) + by_distance + by_time) / 2
    asked = card.initial + card.unit * units
    if end.rate_code == JFK:
        asked = card.jfk_flat
    elif end.rate_code == NEWARK:
        asked += card.newark
    return math.log(fare / asked)


@lru_cache(maxsize=1024)
def _card(hour: int) -> RateCard:
    """In force in that hour since 1970."""
    return rate_card(datetime.fromtimestamp(hour * 3600, NEW_YORK_ZONE).date())
