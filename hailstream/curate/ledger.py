"""Curated tables in ClickHouse: rows are written under a run's number, and one insert shows them.

The views read of each month the run that ``curated_months`` names, so that all
tables of all months change at once or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa

from hailstream.clickhouse import reachable
from hailstream.curate.counts import RuleCount
from hailstream.settings import Settings

#: Months that one insert may hold rows of.
_MOST_MONTHS: Final = 1000


@dataclass(frozen=True)
class Published:
    """A month as it is seen.

    Attributes:
        run: that computed it.
        folder: of its Parquet files.
        fingerprint: of all its rows.
        trips: rows of staging.
    """

    run: int
    folder: str
    fingerprint: str
    trips: int


def published_months(settings: Settings) -> dict[date, Published]:
    """What is seen now.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    with reachable(settings, database=settings.database) as client:
        rows = client.query("SELECT month, run, folder, fingerprint, trips FROM curated_months").result_rows
    return {month: Published(*rest) for month, *rest in rows}


def insert_rows(settings: Settings, table: str, rows: pa.Table, run: int) -> None:
    """Write rows that nobody sees yet.

    Raises:
        HailstreamError: ClickHouse cannot be reached or refuses them.
    """
    numbered = rows.append_column("run", pa.repeat(pa.scalar(run, pa.uint64()), rows.num_rows))
    with reachable(settings, database=settings.database) as client:
        client.insert_arrow(f"{table}_runs", numbered, settings={"max_partitions_per_insert_block": _MOST_MONTHS})


def count_rows(settings: Settings, table: str, run: int) -> int:
    """How many rows of a run there are, seen or not."""
    with reachable(settings, database=settings.database) as client:
        return int(client.command(f"SELECT count() FROM {table}_runs WHERE run = {run}"))


def publish(settings: Settings, months: Mapping[date, Published]) -> None:
    """Show months, by one insert.

    Raises:
        HailstreamError: ClickHouse cannot be reached; then it may have been too late to say whether they are seen.
    """
    rows = [[month, one.run, one.folder, one.fingerprint, one.trips] for month, one in sorted(months.items())]
    with reachable(settings, database=settings.database) as client:
        client.insert("curated_month_states", rows, column_names=["month", "run", "folder", "fingerprint", "trips"])


def remove_unseen(settings: Settings, tables: Iterable[str]) -> None:
    """Delete rows of runs that were replaced, or never were published.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    with reachable(settings, database=settings.database) as client:
        seen = {(str(month), run) for month, run in client.query("SELECT month, run FROM curated_months").result_rows}
        for table in tables:
            found = client.query(f"SELECT DISTINCT toString(month), run, _partition_id FROM {table}_runs").result_rows
            for month, run, partition in found:
                if (month, run) not in seen:
                    client.command(f"ALTER TABLE {table}_runs DROP PARTITION ID '{partition}'")


def record_rules(settings: Settings, run: int, counts: Sequence[RuleCount]) -> None:
    """Write what rules did to rows.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    rows = [[run, count.month, count.rule, count.kept, count.marked, count.dropped] for count in counts]
    with reachable(settings, database=settings.database) as client:
        client.insert("curate_rules", rows, column_names=["run", "month", "rule", "kept", "marked", "dropped"])
