"""What the jobs beside the windows say, all of it held against the log."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hailstream.clickhouse import reachable
from hailstream.domain.forecast.profile import Profile
from hailstream.domain.surge.policies import Policies
from hailstream.proof.alerts import AlertProver
from hailstream.proof.eventlog import EventLog
from hailstream.proof.opportunities import compare_opportunities, expected_opportunities
from hailstream.proof.risks import compare_risks
from hailstream.proof.rows import RowsProof, compare_rows
from hailstream.proof.trips import compare_trips, expected_trips
from hailstream.proof.zones import ZoneProver

#: Jobs that do not see late events.
_FOLDED: Final = frozenset({"anomalies", "surge", "forecast", "opportunities"})


class AnswersProver:
    """Says what tables should hold, and compares them.

    Args:
        log: of the namespace.
        jobs: which ran; windows are for :class:`hailstream.proof.compare.Prover`.
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
        self._late = 0
        self._jobs = frozenset(jobs)
        self._folded = sorted(self._jobs & _FOLDED)
        if "trips" in self._jobs:
            self._rows["trips"] = expected_trips(log)
        if self._folded:
            alerts = AlertProver(log)
            both = alerts.late()
            self._late = sum(both["ends"] if job == "opportunities" else sum(both.values()) for job in self._folded)
            if "anomalies" in self._jobs:
                self._rows["alerts"] = alerts.expected_table("alerts_expected")
        if "opportunities" in self._jobs:
            self._rows["opportunities"] = expected_opportunities(log)
        if self._jobs & {"surge", "forecast"}:
            self._zones = ZoneProver(log, policies, profile)
            rows = self._zones.expected_rows()
            self._rows |= {f"zone_{job}": rows[f"zone_{job}"] for job in ("surge", "forecast") if job in self._jobs}

    @property
    def late(self) -> int:
        """Rows that the late table has of these jobs: one for each event and job that could not see it."""
        return self._late

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
        if "opportunities" in self._jobs:
            proofs.append(compare_opportunities(self._log))
        return proofs

    def _compare_alerts(self) -> RowsProof:
        settings = self._log.settings
        with reachable(settings, database=settings.database) as client:
            found = client.query_arrow("SELECT rule, trip_id, coalesce(other_trip_id, '') AS other_trip_id FROM alerts")
        key = ["rule", "trip_id", "other_trip_id"]
        return compare_rows(self._log.connection, "alerts", "alerts_expected", found, key)
