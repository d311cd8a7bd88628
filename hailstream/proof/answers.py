"""What the jobs beside the windows say, all of it held against the log."""

from __future__ import annotations

from collections.abc import Collection

from hailstream.clickhouse import reachable
from hailstream.domain.forecast.profile import Profile
from hailstream.domain.surge.policies import Policies
from hailstream.proof.alerts import AlertProver
from hailstream.proof.eventlog import EventLog
from hailstream.proof.risks import compare_risks
from hailstream.proof.rows import RowsProof, compare_rows
from hailstream.proof.trips import compare_trips, expected_trips
from hailstream.proof.zones import ZoneProver


class AnswersProver:
    """Says what tables should hold, and compares them.

    Args:
        log: of the namespace.
        jobs: which ran, of ``trips``, ``anomalies``, ``surge``, ``forecast``.
        policies, profile: that held all the time.
    """

    def __init__(
        self,
        log: EventLog,
        jobs: Collection[str],
        policies: Policies | None = None,
        profile: Profile | None = None,
    ) -> None:
        self._log = log
        self._rows: dict[str, int] = {}
        self._jobs = frozenset(jobs)
        self._folded = sorted(self._jobs & {"anomalies", "surge", "forecast"})
        if "trips" in self._jobs:
            self._rows["trips"] = expected_trips(log)
        if self._folded:
            alerts = AlertProver(log)
            self._late = alerts.late()
            if "anomalies" in self._jobs:
                self._rows["alerts"] = alerts.expected_table("alerts_expected")
        if self._jobs & {"surge", "forecast"}:
            self._zones = ZoneProver(log, policies, profile)
            rows = self._zones.expected_rows()
            self._rows |= {f"zone_{job}": rows[f"zone_{job}"] for job in ("surge", "forecast") if job in self._jobs}

    @property
    def late(self) -> int:
        """Rows that the late table has of these jobs: one for each event and job that could not see it."""
        return self._late * len(self._folded) if self._folded else 0

    def expected_rows(self) -> dict[str, int]:
        """How many rows each table has when everything is loaded."""
        return dict(self._rows)

    def compare(self) -> list[RowsProof]:
        """Compare every row; the loaders must have caught up.

        Raises:
            HailstreamError: the database cannot be read.
        """
        proofs = []
        if "trips" in self._jobs:
            proofs.append(compare_trips(self._log))
        if "anomalies" in self._jobs:
            proofs += [self._compare_alerts(), compare_risks(self._log)]
        if "surge" in self._jobs:
            proofs.append(self._zones.compare_prices())
        if "forecast" in self._jobs:
            proofs.append(self._zones.compare_forecasts())
        return proofs

    def _compare_alerts(self) -> RowsProof:
        settings = self._log.settings
        with reachable(settings, database=settings.database) as client:
            found = client.query_arrow("SELECT rule, trip_id, coalesce(other_trip_id, '') AS other_trip_id FROM alerts")
        key = ["rule", "trip_id", "other_trip_id"]
        return compare_rows(self._log.connection, "alerts", "alerts_expected", found, key)
