"""A driver's risk: alerts weighted by severity, halved with time.

The score at a moment is the sum of weight × 2^(−age ÷ half-life) over the driver's
alerts, so it does not depend on the order in which they were found. The weights
treble with each severity: thirty low alerts of one day are as bad as one critical.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hailstream.domain.alerts.alert import Severity
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.fold import NEVER

HOUR_MS: Final = 3_600_000
WEIGHTS: Final = {Severity.LOW: 1, Severity.MEDIUM: 3, Severity.HIGH: 10, Severity.CRITICAL: 30}
#: A driver has at most so many alerts that count: the newest.
MOST_ALERTS: Final = 200
#: Below this score a driver is forgotten.
FORGOTTEN: Final = 0.5


class Level(StrEnum):
    """How risky a driver is."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


#: From which score on a driver is of that level.
LEVELS: Final = ((30.0, Level.CRITICAL), (10.0, Level.HIGH), (3.0, Level.MEDIUM))


@dataclass(frozen=True)
class Risk:
    """A driver's risk.

    Attributes:
        driver_id: pseudonym.
        time: event time (ms) the score is of.
        score: three decimals; 0 when the driver is forgotten.
        level: by the score.
        alerts: how many it is made of.
        last_rule: that gave the newest of them.
    """

    driver_id: str
    time: int
    score: float
    level: Level
    alerts: int
    last_rule: str


class DriverRisk:
    """The risk of one driver.

    Args:
        driver_id: whose.
        thresholds: with the half-life.
        state: of an earlier one; None: no alerts.
    """

    def __init__(self, driver_id: str, thresholds: Thresholds, state: Any = None) -> None:
        self._driver = driver_id
        self._half_life = thresholds.risk_half_life_hours * HOUR_MS
        # Newest time known, and alerts: (time, id, rule, weight), oldest first.
        self._now: int = 0
        self._alerts: list[tuple[int, str, str, int]] = []
        if state is not None:
            self._now, self._alerts = state

    @property
    def state(self) -> Any:
        """For another one; None when the driver is forgotten."""
        return (self._now, self._alerts) if self._alerts else None

    @property
    def due(self) -> int:
        """When the level falls, or the driver is forgotten, without another alert (ms)."""
        if not self._alerts:
            return NEVER
        score = self._score(self._now)
        least = next((least for least, _ in LEVELS if round(score, 3) >= least), FORGOTTEN)
        # Below by a whole unit of what is shown, lest the rounded score be at the level still.
        return self._now + max(1, math.ceil(self._half_life * math.log2(score / (least - 0.001))))

    def alert(self, time: int, alert_id: str, rule: str, severity: str) -> Risk | None:
        """The risk after another alert; None if it is known already."""
        if any(known[1] == alert_id for known in self._alerts):
            return None
        weight = WEIGHTS[Severity(severity)]
        self._alerts = sorted([*self._alerts, (time, alert_id, rule, weight)])[-MOST_ALERTS:]
        self._now = max(self._now, time)
        return self._risk(self._score(self._now))

    def at(self, moment: int) -> Risk:
        """The risk at a moment that was due."""
        self._now = max(self._now, moment)
        score = self._score(self._now)
        forgotten = round(score, 3) < FORGOTTEN
        risk = self._risk(0.0 if forgotten else score)
        if forgotten:
            self._alerts = []
        return risk

    def _risk(self, score: float) -> Risk:
        rounded = round(score, 3)
        level = next((level for least, level in LEVELS if rounded >= least), Level.LOW)
        count = len(self._alerts) if score else 0
        return Risk(self._driver, self._now, rounded, level, count, self._alerts[-1][2])

    def _score(self, now: int) -> float:
        return math.fsum(weight * 2.0 ** ((time - now) / self._half_life) for time, _, _, weight in self._alerts)
