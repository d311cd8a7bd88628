"""What a reconcile found, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from hailstream import __version__
from hailstream.pages.page import dollars, number, render_page, write_whole
from hailstream.reconcile.columns import Column
from hailstream.reconcile.drift import DUPLICATE, EQUAL, LATE_ROWS, NOT_SAID, RULE_VERSION, UNEXPLAINED, WAITING
from hailstream.reconcile.plots import drift_by_zone, drift_over_time
from hailstream.reconcile.result import TableResult
from hailstream.settings import Settings

#: What a reason means.
_MEANING: Final = {
    RULE_VERSION: "another generation of the definition said it",
    LATE_ROWS: "events came too late for the stream to count them",
    NOT_SAID: "the stream never said it: the job did not run then, or rows were lost",
    DUPLICATE: "copies of events alone make the difference",
    UNEXPLAINED: "nothing of these: please report it",
}


def write_page(
    path: Path, results: Sequence[TableResult], settings: Settings, *, run: int, made: datetime, dry_run: bool
) -> None:
    """Write the page, whole or not at all.

    Raises:
        HailstreamError: it cannot be written.
    """
    rows = sum(result.rows for result in results)
    values = {
        "namespace": settings.namespace,
        "generation": settings.generation,
        "run": run,
        "made": made,
        "version": __version__,
        "dry_run": dry_run,
        "begin": min(result.begin for result in results),
        "end": max(result.end for result in results),
        "events": sum(result.events for result in {result.table.events: result for result in results}.values()),
        "rows": rows,
        "differing": (differing := sum(result.differing for result in results)),
        "ratio": differing / rows if rows else 0.0,
        "corrected": sum(result.corrected for result in results),
        "tables": [_table(result) for result in results],
    }
    write_whole(path, render_page("reconcile/report.html", values))


def _table(result: TableResult) -> Mapping[str, Any]:
    reasons = dict.fromkeys(reason for _, reason in result.kinds)
    return {
        "name": result.table.name,
        "time": result.table.time,
        "begin": result.begin,
        "end": result.end,
        "held_by": result.held_by,
        "overlap": result.overlap,
        "events": result.events,
        "rows": result.rows,
        "equal": result.counted(EQUAL),
        "waiting": result.counted(WAITING),
        "differing": result.differing,
        "corrected": result.corrected,
        "kinds": [(kind, reason, number(group.rows)) for (kind, reason), group in result.kinds.items()],
        "deltas": [
            (measure.name, *(_shown(measure, value) for value in _by_reason(result, measure, list(reasons))))
            for measure in result.table.measures
        ],
        "reasons": [(reason, _MEANING[reason]) for reason in reasons],
        "figures": [
            (drift_over_time(result), "When the rows differ, and what the difference adds up to."),
            (drift_by_zone(result), "Where most rows differ."),
        ]
        if result.differing
        else [],
    }


def _by_reason(result: TableResult, measure: Column, reasons: Sequence[str]) -> list[float]:
    """The sum of differences in all, and for each reason."""
    sums = [
        sum(group.deltas[measure.name] for (_, why), group in result.kinds.items() if why == reason)
        for reason in reasons
    ]
    return [sum(sums), *sums]


def _shown(measure: Column, value: float) -> str:
    if not value:
        return "0"
    sign = "+" if value > 0 else ""
    if measure.scale == 2:
        return sign + dollars(round(value))
    if measure.scale:
        return sign + number(value / 10**measure.scale, 2)
    return sign + number(value, 0 if isinstance(value, int) else 2)
