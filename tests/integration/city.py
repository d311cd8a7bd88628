"""The city job and its loaders over a namespace, as the tests of this folder drive them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from hailstream.clickhouse import reachable
from hailstream.demo.pipeline import Pipeline
from hailstream.loader.migrations import migrate
from hailstream.local.topics_admin import create_topics
from hailstream.proof.compare import Proof, Prover
from hailstream.proof.eventlog import EventLog
from hailstream.replay.accounting import ReplayReport
from hailstream.replay.events import Order, open_source
from hailstream.replay.run import TAIL_SECONDS, ReplayOptions, run_replay
from hailstream.settings import Settings

PATIENCE = 150.0


def prepared(
    settings: Settings, spec: str | Sequence[str], work_dir: Path, *, killed: bool = True, **options: object
) -> Settings:
    """The settings with the horizon of a source, and the namespace's topics and tables made.

    Args:
        killed: whether jobs may be: what such a one leaves open holds readers up no longer than a test's patience.
            A checkpoint may then take no longer either.
        options: of :func:`hailstream.replay.events.open_source`.
    """
    bounds = open_source(spec, work_dir=work_dir, **options).bounds()  # type: ignore[arg-type]
    assert bounds is not None
    horizon = bounds[1] + timedelta(seconds=TAIL_SECONDS + 1)
    changes: dict[str, object] = {"horizon": horizon.isoformat()}
    if killed:
        changes["transaction_timeout"] = 30.0
    settings = settings.model_copy(update=changes)
    create_topics(settings)
    with reachable(settings, database="default") as client:
        migrate(client, settings.database)
    return settings


def replay(
    settings: Settings,
    spec: str | Sequence[str],
    work_dir: Path,
    *,
    order: Order = "event-time",
    limit: int | None = None,
    start: datetime | None = None,
    until: datetime | None = None,
    speed: float | None = None,
    allow_late: bool = False,
    final: bool = True,
    stopped: Callable[[], bool] = lambda: False,
) -> ReplayReport:
    """Replay a source into the namespace; every row is accounted for."""
    source = open_source(spec, work_dir=work_dir, order=order, limit=limit, start=start, until=until)
    options = ReplayOptions(speed=speed, allow_late=allow_late, final_heartbeat=final)
    report = run_replay(settings, source, options, stopped=stopped)
    assert report.balanced, report.imbalances()
    return report


def load_all(pipeline: Pipeline, settings: Settings, work_dir: Path) -> Proof:
    """Wait until what the log gives is loaded, stop the job, and compare."""
    prover = Prover(EventLog(settings, work_dir=work_dir))
    pipeline.wait_until_loaded(prover.expected_rows(), lambda _: None, patience=PATIENCE)
    return prover.compare()


def assert_proven(proof: Proof) -> None:
    """Every row of every table is as the recount says, and the accounts add up."""
    for metric in proof.metrics:
        accounts = metric.accounts
        assert accounts.decoded == accounts.counted + accounts.late + accounts.duplicate, metric
        assert metric.differing == 0, (metric.metric, metric.missing, metric.extra, metric.different, metric.examples)
    assert proof.rejected == proof.unreadable


def table(settings: Settings, metric: str) -> pl.DataFrame:
    """A metric's table without what tells one load from another, in the order of its key."""
    with reachable(settings, database=settings.database) as client:
        rows = client.query_arrow(
            f"SELECT * EXCEPT (version, ingested_at, window_start_local, window_end_local) FROM {metric}"
            " ORDER BY window_end, zone_id"
        )
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    return frame
