"""The windows and trips of backfilled months, written into ClickHouse by what reconcile does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from hailstream.archive.months import Month, beside, published_months
from hailstream.archive.store import open_store
from hailstream.batch.runs import BatchRun, keep
from hailstream.clickhouse import reachable
from hailstream.domain.millis import from_ms
from hailstream.reconcile.reach import Reach
from hailstream.reconcile.result import TableResult
from hailstream.reconcile.run import Reconciler, chosen_tables, final_until
from hailstream.reconcile.spans import Span, backfilled_spans, bounds, clipped
from hailstream.reconcile.tasks import Recomputed
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, TRIPS_STARTED

if TYPE_CHECKING:
    from pyspark import SparkContext

JOB: Final = "backfill"
#: Rows of windows that are computed at once, about: Spark keeps them, and ClickHouse takes them in one statement.
_MOST_ROWS: Final = 4_000_000
#: An event makes so many rows, about: its zone has one a minute for an hour.
_ROWS_OF_EVENT: Final = 65
#: No day has more: one for each zone and minute.
_ROWS_OF_DAY: Final = 265 * 1440


@dataclass
class WindowsOutcome:
    """What became of the windows.

    Attributes:
        results: what was compared, and how many rows were corrected.
        done: months whose windows are all as the archive gives them.
        waiting: months that go on beyond what the stream has come to, and who holds them back.
    """

    results: list[TableResult] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)


def pending_months(settings: Settings) -> list[Month]:
    """Published months whose windows no run has written since, by definitions of this generation.

    Raises:
        HailstreamError: ClickHouse cannot be reached, or the archive not be read.
    """
    with reachable(settings, database=settings.database) as client:
        query = "SELECT detail FROM batch_runs WHERE job = {job:String} ORDER BY run"
        rows = client.query(query, {"job": JOB}).result_rows
    done: dict[str, list[object]] = {}
    for (detail,) in rows:
        done.update(json.loads(detail).get("windows", {}))
    months = published_months(beside(open_store(TRIPS_STARTED, settings)))
    return [month for month in months if done.get(month.name) != [month.version, settings.generation]]


def write_windows(
    spark: SparkContext,
    settings: Settings,
    run: BatchRun,
    outcome: WindowsOutcome,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Compare the windows and trips of pending months with ClickHouse and correct them, as far as they are final.

    Args:
        run: that writes; its record says which months are done, so that a later run goes on behind them.

    Raises:
        HailstreamError: a server is away; what was done before is on record.
    """
    months, tables = pending_months(settings), chosen_tables([])
    reconciler = Reconciler(spark, settings, say)
    spans: dict[str, list[Span]] = {}
    reaches: dict[str, Reach | None] = {}
    for again in tables:
        name = again.table.name
        reaches[name] = reach = reconciler.reach(again)
        spans[name] = final = clipped(_spans(again, months), None, final_until(reach))
        for month in months:
            if reach is not None and not _covered(_spans(again, [month]), final):
                outcome.waiting.setdefault(month.name, reach.held_by)
    starts = first_days(months)
    for number, (begin, end) in enumerate(zip([None, *starts[1:]], [*starts[1:], None], strict=True), start=1):
        say(f"windows and trips, part {number} of {len(starts)}")
        for again in tables:
            part = clipped(spans[again.table.name], begin, end)
            if part:
                outcome.results.append(reconciler.compare(again, part, "the files", run, reaches[again.table.name]))
        for month in months:
            ends = [bounds(found)[1] for again in tables if (found := _spans(again, [month]))]
            whole = end is None or all(last <= end for last in ends)
            if whole and month.name not in (*outcome.waiting, *outcome.done):
                outcome.done.append(month.name)
                run.detail.setdefault("windows", {})[month.name] = [month.version, settings.generation]
        keep(settings, run)


def _spans(again: Recomputed, months: Sequence[Month]) -> list[Span]:
    return backfilled_spans(again.table.events, again.lasting, months)


def _covered(spans: Sequence[Span], by: Sequence[Span]) -> bool:
    return all(any(first <= begin and end <= last for first, last in by) for begin, end in spans)


def first_days(months: Sequence[Month]) -> list[datetime]:
    """The days with which parts begin that have about as many rows of windows as are computed at once."""
    events: dict[int, float] = {}
    for month in months:
        for topic in EVENT_TOPICS:
            days = month.days.get(topic.base, ())
            for day in days:
                events[day] = events.get(day, 0) + sum(part.rows for part in month.of(topic)) / len(days) / len(
                    EVENT_TOPICS
                )
    starts: list[datetime] = []
    rows = float("inf")
    for day, count in sorted(events.items()):
        of_day = min(count * _ROWS_OF_EVENT, _ROWS_OF_DAY)
        if rows + of_day > _MOST_ROWS:
            starts.append(from_ms(day))
            rows = 0
        rows += of_day
    return starts
