"""What a check found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.settings import Settings

#: Exit code of a job whose tables are not published because a hard check failed.
REFUSED: Final = 3


@dataclass(frozen=True)
class Check:
    """One check of one table.

    Attributes:
        layer: raw, staging, curated, or between two of them.
        hard: whether nothing is published if it fails.
        observed, expected: for people.
    """

    layer: str
    table: str
    name: str
    hard: bool
    passed: bool
    observed: str
    expected: str


def require(checks: Sequence[Check]) -> None:
    """Let the job end where a hard check failed.

    Raises:
        HailstreamError: with exit code ``REFUSED``.
    """
    failed = [check for check in checks if check.hard and not check.passed]
    if failed:
        told = "; ".join(f"{c.table}: {c.name}: {c.observed}, expected {c.expected}" for c in failed[:5])
        more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
        raise HailstreamError(
            f"{len(failed)} hard checks failed, nothing is published and the tables are as before: {told}{more}",
            hint="table quality_results has them all; docs/quality.md says what each means",
            exit_code=REFUSED,
        )


def record_checks(settings: Settings, run: int, checks: Sequence[Check]) -> None:
    """Write what was found, passed or not.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    columns = ["run", "layer", "table", "check", "severity", "passed", "observed", "expected"]
    rows = [
        [run, c.layer, c.table, c.name, "hard" if c.hard else "soft", c.passed, c.observed, c.expected] for c in checks
    ]
    with reachable(settings, database=settings.database) as client:
        client.insert("quality_results", rows, column_names=columns)
