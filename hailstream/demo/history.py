"""The demo's last act: the log archived, recomputed by Spark, and what the stream could not know corrected."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hailstream.archive.behind import records_behind
from hailstream.batch.runs import batch_run
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import ARCHIVE, city_parts
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.proof.compare import Proof, Prover
from hailstream.proof.eventlog import EventLog
from hailstream.proof.lateness import rows_of_late_events
from hailstream.reconcile.result import TableResult
from hailstream.reconcile.run import Reconciler, chosen_tables
from hailstream.settings import Settings
from hailstream.spark.context import open_context

_POLL_SECONDS = 0.5

Say = Callable[[str], None]


class Archiving:
    """Job archive beside the demo's job.

    Args:
        settings: with the namespace and horizon of the demo.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._job_id = ""

    def start(self) -> None:
        """Submit the job; the topics exist and the archive is empty."""
        self._job_id = submit_job(ARCHIVE, self._settings)

    def wait_until_whole(self, say: Say, *, patience: float) -> None:
        """Wait until the files have the whole log.

        Args:
            say: told how far they are.
            patience: seconds without a new record after which this gives up.

        Raises:
            HailstreamError: it failed, or no record came for so long.
        """
        rest, before, deadline = FlinkRest(self._settings), -1, 0.0
        while behind := records_behind(self._settings):
            if rest.state(self._job_id) in ("FAILED", "CANCELED", "FINISHED"):
                raise HailstreamError(f"job archive ended: {rest.exceptions(self._job_id)[:600]}")
            if behind != before:
                before, deadline = behind, time.monotonic() + patience
            elif time.monotonic() > deadline:
                raise HailstreamError(f"job archive stands still, {behind:,} records behind the log")
            say(f"{behind:,} records to go")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End the job; what it had is in the files."""
        FlinkRest(self._settings).cancel_if_active(self._job_id)


@dataclass(frozen=True)
class History:
    """What reconcile found and did.

    Attributes:
        found: of each table, how the stream's rows differed from what Spark made of the archive.
        expected: rows of each windowed metric in which late events belong, counted by DuckDB in the log.
        proof: every table held against a recount of the log in which nothing is late.
    """

    found: list[TableResult]
    expected: dict[str, int]
    proof: Proof

    @property
    def unexplained(self) -> int:
        """Differing rows that are not those of late events."""
        return sum(
            abs(result.differing - self.expected.get(result.table.name, 0))
            + sum(group.rows for (_, reason), group in result.kinds.items() if reason != "late rows")
            for result in self.found
        )

    @property
    def wrong(self) -> int:
        """Rows of the tables after reconcile that are not the truth."""
        return sum(metric.missing + metric.extra + metric.different for metric in self.proof.metrics)

    @property
    def ok(self) -> bool:
        return self.unexplained == self.wrong == 0


def prove_history(settings: Settings, log: EventLog, say: Say) -> History:
    """Reconcile the city's windows and trips with the namespace's archive, and hold the result against the log.

    Args:
        settings: of the namespace; its stream is at rest.
        log: of the same.
        say: told what is going on.

    Raises:
        HailstreamError: there is no JDK that Spark can use, or a server is away.
    """
    written = {topic for part in city_parts(settings) for topic in part.writes}
    tables = [again for again in chosen_tables([]) if again.table.results in written]
    expected = rows_of_late_events(log)
    with batch_run("reconcile", settings) as run, open_context("reconcile", settings) as spark:
        reconciler = Reconciler(spark, settings, say)
        found = [reconciler.reconcile(again, None, None, run) for again in tables]
        run.rows_in, run.rows_out = sum(r.events for r in found), sum(r.corrected for r in found)
        run.detail = {"tables": [result.as_detail() for result in found]}
    return History(found, expected, Prover(log, late_counts=True).compare())
