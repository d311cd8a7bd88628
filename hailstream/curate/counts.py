"""What is counted of rows on their way from the archive to staging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hailstream.curate.staging_sql import DUPLICATE, MARKS


@dataclass(frozen=True)
class Raw:
    """What the archive has of some months.

    Attributes:
        rows: events, copies too.
        total_cents: sum of their totals.
        copies: how many of them repeat a trip.
        copied_cents: sum of the totals of those.
    """

    rows: int
    total_cents: int
    copies: int
    copied_cents: int


@dataclass(frozen=True)
class RuleCount:
    """What a rule did to rows.

    Attributes:
        month: of the rows; None where they have none that is known.
        rule: a mark, or the reason for which rows are not in staging.
    """

    month: date | None
    rule: str
    kept: int
    marked: int
    dropped: int


def rule_counts(
    marked: Mapping[tuple[date, str], int], raw: Raw, others: Mapping[str, int], months: Sequence[date]
) -> list[RuleCount]:
    """Of each rule and month how many rows were kept without a mark, and marked; and of all months how many dropped.

    Args:
        marked: rows of staging by month and their marks.
        others: records that are no events, by kind.
    """
    counts = []
    for month in months:
        rows = sum(count for (of, _), count in marked.items() if of == month)
        for rule in MARKS:
            found = sum(count for (of, marks), count in marked.items() if of == month and rule in marks.split(","))
            counts.append(RuleCount(month, rule, rows - found, found, 0))
    counts.append(RuleCount(None, DUPLICATE, raw.rows - raw.copies, 0, raw.copies))
    counts += [RuleCount(None, kind, 0, 0, count) for kind, count in others.items()]
    return counts
