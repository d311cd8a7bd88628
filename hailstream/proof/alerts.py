"""ClickHouse's alerts held against plain queries over the log, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass

from hailstream.clickhouse import reachable
from hailstream.proof.alert_queries import queries
from hailstream.proof.eventlog import EventLog
from hailstream.settings import Settings

_SHOWN = 5


@dataclass(frozen=True)
class RuleProof:
    """How a rule's alerts compare with its query.

    Attributes:
        expected: alerts that the query gives.
        missing, extra: only in the query, only in the table.
        examples: some of these, (trip, other trip, where it is).
    """

    rule: str
    expected: int
    missing: int
    extra: int
    examples: tuple[tuple[str, str | None, str], ...] = ()

    @property
    def differing(self) -> int:
        return self.missing + self.extra


class AlertProver:
    """Asks a log what each rule finds.

    Args:
        log: with the thresholds of the job in its settings.
    """

    def __init__(self, log: EventLog) -> None:
        self._settings = log.settings
        self._connection = log.connection
        log.prepare()
        for rule, query in queries(self._settings.thresholds()).items():
            self._connection.execute(f"CREATE TEMP TABLE {rule} AS {query}")

    def expected(self) -> dict[str, set[tuple[str, str | None]]]:
        """By rule the trips, and other trips, of its alerts."""
        rules = queries(self._settings.thresholds())
        return {
            rule: set(self._connection.execute(f"SELECT trip_id, other_trip_id FROM {rule}").fetchall())
            for rule in rules
        }

    def expected_table(self, name: str) -> int:
        """Make a table of rule, trip_id and other_trip_id (empty if there is none); returns its rows."""
        rules = queries(self._settings.thresholds())
        every = " UNION ALL ".join(
            f"SELECT '{rule}' AS rule, trip_id, coalesce(other_trip_id, '') AS other_trip_id FROM {rule}"
            for rule in rules
        )
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT * FROM ({every})")
        return int(self._connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])

    def late(self) -> dict[str, int]:
        """Starts, and ends, of which the folds were not told, because they came late."""
        query = "SELECT count(*) FILTER (event_time < watermark) FROM (FROM all_{} SELECT event_time, watermark)"
        return {kind: int(self._connection.execute(query.format(kind)).fetchall()[0][0]) for kind in ("starts", "ends")}

    def compare(self) -> list[RuleProof]:
        """Compare each rule; the loaders must have caught up.

        Raises:
            HailstreamError: the database cannot be read.
        """
        found = loaded_alerts(self._settings)
        return [compare_rule(rule, expected, found.get(rule, set())) for rule, expected in self.expected().items()]


def loaded_alerts(settings: Settings) -> dict[str, set[tuple[str, str | None]]]:
    """By rule the trips, and other trips, of the alerts in ClickHouse.

    Raises:
        HailstreamError: the table cannot be read.
    """
    found: dict[str, set[tuple[str, str | None]]] = {}
    with reachable(settings, database=settings.database) as client:
        for rule, trip, other in client.query("SELECT rule, trip_id, other_trip_id FROM alerts").result_rows:
            found.setdefault(rule, set()).add((trip, other))
    return found


def compare_rule(rule: str, expected: set[tuple[str, str | None]], found: set[tuple[str, str | None]]) -> RuleProof:
    """How the alerts of a rule compare with those that its query gives, each a trip and another one, if there is."""
    sides = {"missing": expected - found, "extra": found - expected}
    examples = [(*pair, side) for side, pairs in sides.items() for pair in sorted(pairs, key=str)[:_SHOWN]]
    return RuleProof(rule, len(expected), len(sides["missing"]), len(sides["extra"]), tuple(examples))
