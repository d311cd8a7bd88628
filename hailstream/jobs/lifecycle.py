"""Stopping, saving and cancelling a running job by its name."""

from __future__ import annotations

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest, Job
from hailstream.settings import Settings


def running_job(name: str, settings: Settings, rest: FlinkRest) -> Job:
    """The active job of that name in the namespace.

    Raises:
        HailstreamError: no such job, or it does not run.
    """
    job = rest.active_job(find_job(name, settings).title(settings))
    if job is None:
        raise HailstreamError(
            f"job {name} does not run in namespace {settings.namespace}", hint="`hailstream jobs list` shows what does"
        )
    return job


def savepoint_dir(settings: Settings) -> str:
    """The URI below which savepoints go: beside the checkpoints."""
    base = settings.checkpoint_dir or (settings.home_dir / "data" / "flink").as_uri()
    return f"{base.rstrip('/')}/savepoints"


def stop_job(name: str, settings: Settings, *, drain: bool = False) -> str:
    """Stop with a savepoint; returns its URI."""
    rest = FlinkRest(settings)
    job = running_job(name, settings, rest)
    return rest.stop(job.job_id, savepoint_dir(settings), drain=drain)


def savepoint_job(name: str, settings: Settings) -> str:
    """Take a savepoint; returns its URI."""
    rest = FlinkRest(settings)
    return rest.savepoint(running_job(name, settings, rest).job_id, savepoint_dir(settings))


def cancel_job(name: str, settings: Settings) -> None:
    """Cancel without a savepoint."""
    rest = FlinkRest(settings)
    rest.cancel(running_job(name, settings, rest).job_id)
