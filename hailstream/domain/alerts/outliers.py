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
from hailstream.domain.events import ENDED_RANK, Ended
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

    ranks = frozenset({ENDED_RANK})

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

    def tell(self, told: Sequence[Any], watermark: int) -> Sequence[Alert]:
        """See :meth:`Fold.tell`."""
        zones, alerts = self.state, list[Alert]()
        least, limit = self._limits.outlier_samples, self._limits.outlier_z
        for end in told:
            ratio = fare_ratio(end)
            if ratio is None:
                continue
            time, _, trip = end[:3]
            minute = time // MINUTE_MS
            zone = zones.get(end.zone_id)
            if zone is None or zone[0] != minute:
                zone = self._turn(end.zone_id, minute)
            _, median, sigma, samples, minutes, _ = zone
            _, values, last = minutes[-1]
            if trip == last:
                continue  # a second copy, which is next to the first
            minutes[-1] = (minute, values, trip)
            values.append(ratio)
            if samples >= least and abs(ratio - median) > limit * sigma:
                alerts.append(self._alert(end, ratio, median, sigma, samples))
        self._forget(watermark)
        return alerts

    def _turn(self, zone_id: int, minute: int) -> list[Any]:
        """A zone whose newest minute is this one."""
        self._forget(minute * MINUTE_MS)
        zone = self.state.get(zone_id)
        if zone is None:
            zone = self.state[zone_id] = [minute, 0.0, 0.0, 0, deque(), array("d")]
        zone[:4] = [minute, *self._baseline(zone[4], Sorted.of(zone[5]), minute)]
        zone[4].append((minute, array("d"), ""))
        self.state.move_to_end(zone_id)
        return zone  # type: ignore[no-any-return]

    def _forget(self, now: int) -> None:
        """Zones without a fare for so long that none of them counts before ``now``."""
        zones = self.state
        while zones:
            zone_id, zone = next(iter(zones.items()))
            if (zone[0] + HOUR_MINUTES + 1) * MINUTE_MS >= now:
                return
            del zones[zone_id]

    def _alert(self, end: Ended, ratio: float, median: float, sigma: float, samples: int) -> Alert:
        fare = end.fare_cents or 0
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
