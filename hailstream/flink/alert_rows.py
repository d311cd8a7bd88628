"""Alerts as rows of their topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pyflink.common import Row

from hailstream.decode.trips import pseudonym

if TYPE_CHECKING:
    from hailstream.domain.alerts.alert import Alert


class AlertRow:
    """Makes rows of alerts, in the order of ``schemas/results/alerts.avsc``.

    Args:
        driver_secret: driver ids are hashed with it; None leaves them as they are.
    """

    def __init__(self, driver_secret: str | None) -> None:
        self._secret = driver_secret

    def __call__(self, alert: Alert) -> Row:
        return Row(
            alert.alert_id,
            alert.rule.name,
            str(alert.rule.severity),
            alert.time,
            alert.trip_id,
            alert.other_trip_id,
            self._pseudonym(alert.driver_id),
            alert.zone_id,
            float(alert.observed),
            float(alert.expected),
            alert.samples,
            alert.rule.unit,
            json.dumps({name: self._shown(name, value) for name, value in alert.evidence.items()}, sort_keys=True),
        )

    def _shown(self, name: str, value: float | int | str | None) -> float | int | str | None:
        return self._pseudonym(value) if name.endswith("_driver") and isinstance(value, str) else value

    def _pseudonym(self, driver_id: str | None) -> str | None:
        if driver_id is None or self._secret is None:
            return driver_id
        return pseudonym(driver_id, self._secret)
