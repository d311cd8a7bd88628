"""The record of a batch run in ClickHouse."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hailstream import __version__
from hailstream.batch.lock import alone
from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.loader.migrations import migrate
from hailstream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client


@dataclass
class BatchRun:
    """A run that goes on.

    Attributes:
        number: 1 for the first of the database; later runs outrank earlier ones.
        range_begin, range_end: of the events' times, as far as they are known.
        rows_in, rows_out: that were read and written.
        detail: what else is to be told, as JSON can say it.
    """

    job: str
    number: int
    began_at: datetime
    range_begin: datetime | None = None
    range_end: datetime | None = None
    rows_in: int = 0
    rows_out: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


@contextmanager
def batch_run(job: str, settings: Settings) -> Iterator[BatchRun]:
    """Record a run from its begin to its end, however it ends; no other writes meanwhile.

    Raises:
        HailstreamError: another run is under way, or ClickHouse cannot be reached.
    """
    with reachable(settings, database="default") as client:
        migrate(client, settings.database)
    with alone(job, settings):
        clock = time.monotonic()
        with reachable(settings, database=settings.database) as client:
            number = 1 + int(client.command("SELECT max(run) FROM batch_run_states"))
            run = BatchRun(job, number, datetime.now(UTC))
            _write(client, run, "running", 0.0, 1)
        try:
            yield run
        except BaseException as error:
            run.detail["error"] = getattr(error, "message", None) or repr(error)
            # ClickHouse may be what failed; then the run stays "running".
            with suppress(HailstreamError):
                _end(settings, run, "failed", time.monotonic() - clock)
            raise
        _end(settings, run, "done", time.monotonic() - clock)


def keep(settings: Settings, run: BatchRun) -> None:
    """Record what a run has done so far, so that it is known although the run may be killed.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    with reachable(settings, database=settings.database) as client:
        _write(client, run, "running", (datetime.now(UTC) - run.began_at).total_seconds(), 1)


def _end(settings: Settings, run: BatchRun, state: str, seconds: float) -> None:
    with reachable(settings, database=settings.database) as client:
        _write(client, run, state, seconds, 2)


def _write(client: Client, run: BatchRun, state: str, seconds: float, version: int) -> None:
    row: Mapping[str, Any] = {
        "run": run.number,
        "job": run.job,
        "state": state,
        "began_at": run.began_at,
        "seconds": seconds,
        "range_begin": run.range_begin,
        "range_end": run.range_end,
        "rows_in": run.rows_in,
        "rows_out": run.rows_out,
        "code_version": __version__,
        "detail": json.dumps(run.detail, default=str),
        "version": version,
    }
    client.insert("batch_run_states", [list(row.values())], column_names=list(row))
