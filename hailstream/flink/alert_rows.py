"""Alerts as rows of their topic."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from pyflink.common import Row, Types

if TYPE_CHECKING:
    from hailstream.domain.alerts.alert import Alert

#: Columns in the order of ``schemas/results/alerts.avsc``; event_time is ms since 1970.
ALERT_TYPE: Final = Types.ROW_NAMED(
    [
        "alert_id",
        "rule",
        "severity",
        "event_time",
        "trip_id",
        "other_trip_id",
        "driver_id",
        "zone_id",
        "observed",
        "expected",
        "samples",
        "unit",
        "evidence",
    ],
    [
        *(Types.STRING() for _ in range(3)),
        Types.LONG(),
        *(Types.STRING() for _ in range(3)),
        Types.INT(),
        Types.DOUBLE(),
        Types.DOUBLE(),
        Types.LONG(),
        Types.STRING(),
        Types.STRING(),
    ],
)


class AlertRow:
    """Makes rows of alerts.

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
            json.dumps(dict(alert.evidence), sort_keys=True),
        )

    def _pseudonym(self, driver_id: str | None) -> str | None:
        if driver_id is None or self._secret is None:
            return driver_id
        return hashlib.blake2b(driver_id.encode(), key=self._secret.encode()[:64], digest_size=12).hexdigest()
