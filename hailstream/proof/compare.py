"""ClickHouse's answer held against the recount, row by row, column by column."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb

from hailstream.clickhouse import reachable
from hailstream.proof.eventlog import LOGS, EventLog
from hailstream.proof.expected import RECOUNTS, Accounts, Recount, recount

_SHOWN = 20
# Money comes as integers in units of its last decimal place.
_SCALES = {"total_sum": 2, "fare_sum": 2, "tip_sum": 2, "toll_sum": 2, "fare_sq": 4}


@dataclass(frozen=True)
class MetricProof:
    """How a metric's table compares with the recount.

    Attributes:
        rows: expected rows.
        missing, extra, different: keys only in the recount, only in the table, in both with other numbers.
        late_expected, late_found: rows of the late table.
        examples: some of the differing rows, for people.
    """

    metric: str
    accounts: Accounts
    rows: int
    missing: int
    extra: int
    different: int
    late_expected: int
    late_found: int
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def differing(self) -> int:
        return self.missing + self.extra + self.different + abs(self.late_expected - self.late_found)


@dataclass(frozen=True)
class Proof:
    """Of a namespace: its log recounted and compared."""

    records: int
    heartbeats: int
    unreadable: int
    rejected: int
    metrics: list[MetricProof]

    @property
    def differing(self) -> int:
        """Rows that differ in all; 0 proves the stream right."""
        return sum(metric.differing for metric in self.metrics) + abs(self.unreadable - self.rejected)


class Prover:
    """Recounts a log once, then compares its namespace's ClickHouse database with that.

    Args:
        log: of the namespace.
        late_counts: late events are where they belong, as after a reconcile.
    """

    def __init__(self, log: EventLog, *, late_counts: bool = False) -> None:
        self._log = log
        self._connection = log.connection
        disorder, horizon = log.disorder_ms, log.horizon_ms
        self._accounts = [
            (how, recount(log.connection, how, disorder_ms=disorder, horizon_ms=horizon, late_counts=late_counts))
            for how in RECOUNTS
        ]

    def expected_rows(self) -> dict[str, int]:
        """How many rows each table has when everything is loaded."""
        rows = {}
        for how, _ in self._accounts:
            rows[how.metric] = self._count(f"SELECT count(*) FROM {how.metric}_expected")
        rows["late"] = sum(accounts.late for _, accounts in self._accounts)
        rows["rejected"] = self._count(f"SELECT count(*) FROM ({self._all()}) WHERE {self._unreadable()}")
        return rows

    def compare(self) -> Proof:
        """Compare every row; the loaders must have caught up.

        Raises:
            HailstreamError: the database cannot be read.
        """
        with reachable(self._log.settings, database=self._log.settings.database) as client:
            metrics = [_compare(self._connection, client, how, accounts) for how, accounts in self._accounts]
            rejected = _one(client, "SELECT count() FROM rejected")
        return Proof(
            records=self._count(f"SELECT count(*) FROM ({self._all()})"),
            heartbeats=self._count(f"SELECT count(*) FROM ({self._all()}) WHERE heartbeat"),
            unreadable=self._count(f"SELECT count(*) FROM ({self._all()}) WHERE {self._unreadable()}"),
            rejected=rejected,
            metrics=metrics,
        )

    def _all(self) -> str:
        return " UNION ALL ".join(f"SELECT * FROM {table}" for table in LOGS)

    def _unreadable(self) -> str:
        """Records that are no events: what cannot be read, and what lies beyond the horizon."""
        horizon = self._log.horizon_ms
        beyond = "" if horizon is None else f" OR record_time > {horizon}"
        return f"NOT heartbeat AND (NOT readable{beyond})"

    def _count(self, query: str) -> int:
        return int(self._log.value(query))


def _compare(connection: duckdb.DuckDBPyConnection, client: Any, how: Recount, accounts: Accounts) -> MetricProof:
    columns = [*how.sums, "duplicates"]
    selected = ", ".join(
        f"toInt64({name} * {10 ** _SCALES[name]}) AS {name}" if name in _SCALES else f"toInt64({name}) AS {name}"
        for name in columns
    )
    found = client.query_arrow(
        "SELECT toInt32(zone_id) AS zone_id, toUnixTimestamp64Milli(window_start) AS window_start,"
        f" toUnixTimestamp64Milli(window_end) AS window_end, {selected} FROM {how.metric}"
    )
    connection.register("found", found)
    same = " AND ".join(f'e."{name}" = f."{name}"::HUGEINT' for name in columns)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE drift AS
        SELECT CASE WHEN f.zone_id IS NULL THEN 'missing' WHEN e.zone_id IS NULL THEN 'extra'
                    ELSE 'different' END AS kind,
               coalesce(e.zone_id, f.zone_id) AS zone_id, coalesce(e.window_end, f.window_end) AS window_end,
               {", ".join(f'e."{c}" AS "{c}_expected", f."{c}" AS "{c}_found"' for c in columns)}
        FROM {how.metric}_expected e FULL JOIN found f USING (zone_id, window_start, window_end)
        WHERE NOT coalesce({same}, false)""")
    connection.unregister("found")
    kinds = dict(connection.execute("SELECT kind, count(*) FROM drift GROUP BY kind").fetchall())
    shown = connection.execute(f"SELECT * FROM drift ORDER BY window_end, zone_id LIMIT {_SHOWN}")
    names = [column[0] for column in shown.description]
    examples = [dict(zip(names, row, strict=True)) for row in shown.fetchall()]
    rows = connection.execute(f"SELECT count(*) FROM {how.metric}_expected").fetchall()
    return MetricProof(
        metric=how.metric,
        accounts=accounts,
        rows=rows[0][0],
        missing=kinds.get("missing", 0),
        extra=kinds.get("extra", 0),
        different=kinds.get("different", 0),
        late_expected=accounts.late,
        late_found=_one(client, f"SELECT count() FROM late WHERE metric = '{how.metric}'"),
        examples=examples,
    )


def _one(client: Any, query: str) -> int:
    return int(client.query(query).result_rows[0][0])
