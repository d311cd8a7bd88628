"""Results of a reconcile as it might have been."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hailstream.domain.millis import to_ms
from hailstream.reconcile.drift import DIFFERENT, EQUAL, LATE_ROWS, MISSING, NOT_SAID, WAITING, Group
from hailstream.reconcile.result import TableResult
from hailstream.reconcile.trips import TripTable
from hailstream.reconcile.windows import WindowTable
from hailstream.windows import REVENUE

BEGIN = datetime(2024, 1, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)


def revenue(hours: int = 24) -> TableResult:
    """Late rows in every hour and zone 1 to 20, and an hour in which the stream said nothing."""
    table = WindowTable(REVENUE)
    names = [measure.name for measure in table.table.measures]

    def group(kind: str, reason: str, rows: int, hour: int | None = None, zone: int | None = None) -> Group:
        at = None if hour is None else to_ms(BEGIN + hour * HOUR)
        return Group(kind, reason, at, zone, rows, dict.fromkeys(names, 100 * rows))

    late = [group(DIFFERENT, LATE_ROWS, hour % 7 + 1, hour=hour) for hour in range(hours)]
    zones = [group(DIFFERENT, LATE_ROWS, 30 - zone, zone=zone) for zone in range(1, 21)]
    lost = [group(MISSING, NOT_SAID, 40, hour=5), group(MISSING, NOT_SAID, 40, zone=7), group(MISSING, NOT_SAID, 40)]
    whole = [group(EQUAL, "", 9000), group(DIFFERENT, LATE_ROWS, sum(g.rows for g in late))]
    groups = [*late, *zones, *lost, *whole]
    return TableResult(table.table, BEGIN, BEGIN + hours * HOUR, "archive", table.overlap, 50_000, groups, 12)


def trips() -> TableResult:
    """All equal, and two that are on their way."""
    table = TripTable().table
    nothing = {measure.name: 0 for measure in table.measures}
    groups = [Group(EQUAL, "", None, None, 50_000, nothing), Group(WAITING, "", None, None, 2, nothing)]
    return TableResult(table, BEGIN, BEGIN + 24 * HOUR, "the range", 1, 50_000, groups)
