"""A job's second run over the log: results, dead letters and tables in a namespace of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JobSpec
from hailstream.jobs.flink_rest import ACTIVE_STATES, FlinkRest
from hailstream.jobs.lifecycle import savepoint_dir
from hailstream.jobs.progress import log_ends, records_unread
from hailstream.jobs.submit import submit_job
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.loader.run import run_loaders
from hailstream.settings import Settings

Say = Callable[[str], None]

_SUFFIX: Final = "_shadow"
_POLL_SECONDS: Final = 0.5
#: Seconds after which a job that reads nothing is given up.
_PATIENCE: Final = 300.0
#: Seconds without a message after which all are loaded: what the job wrote is committed before.
_IDLE_SECONDS: Final = 2.0


def shadow_of(settings: Settings) -> Settings:
    """The settings of the namespace beside one, without a begin.

    Raises:
        HailstreamError: the namespace's name is too long for that.
    """
    changes = {"namespace": settings.namespace + _SUFFIX, "source_namespace": settings.source.namespace}
    try:
        return Settings.model_validate(settings.model_dump() | changes)
    except ValidationError:
        raise HailstreamError(
            f"namespace {settings.namespace} is too long for a second one beside it, {changes['namespace']}",
            hint="a name has 31 letters at the most",
            exit_code=2,
        ) from None


def run_over_the_log(spec: JobSpec, shadow: Settings, begin: datetime | None, say: Say) -> None:
    """Run a job until it has read what the log has now, then stop it; its results are committed.

    The job reads in streaming mode: which event is late depends on those before it in its partition.

    Args:
        begin: time of the first record that it reads; None: all.

    Raises:
        HailstreamError: the job cannot be submitted, fails, or reads nothing for five minutes.
    """
    settings = shadow.model_copy(update={"source_begin": None if begin is None else begin.isoformat()})
    rest, ends = FlinkRest(settings), log_ends(spec, settings)
    say(f"submitting job {spec.name} into namespace {settings.namespace}")
    job_id = submit_job(spec, settings)
    try:
        _wait_until_read(spec, settings, job_id, ends, say)
        say("stopping it with a savepoint, so that its results are committed")
        # Not drained: windows that the log has not closed are no rows.
        rest.stop(job_id, savepoint_dir(settings), drain=False)
        rest.wait_for(lambda: rest.state(job_id) not in ACTIVE_STATES, 60, f"job {spec.name} to end")
    except BaseException:
        rest.cancel_if_active(job_id)
        raise


def load_results(shadow: Settings) -> None:
    """Load what the job wrote into the namespace's tables.

    Raises:
        HailstreamError: something that waiting does not heal.
    """
    run_loaders(shadow, [ClickHouseSink], threading.Event(), until_idle=_IDLE_SECONDS)


def _wait_until_read(spec: JobSpec, settings: Settings, job_id: str, ends: dict[str, dict[int, int]], say: Say) -> None:
    rest, before, deadline = FlinkRest(settings), -1, time.monotonic() + _PATIENCE
    while unread := records_unread(spec, settings, ends):
        if rest.state(job_id) not in ACTIVE_STATES:
            raise HailstreamError(f"job {spec.name} ended: {rest.exceptions(job_id)[:600]}")
        if unread != before:
            before, deadline = unread, time.monotonic() + _PATIENCE
        elif time.monotonic() > deadline:
            raise HailstreamError(
                f"job {spec.name} reads nothing, {unread:,} records before the end: {rest.last_failure(job_id)[:300]}",
                hint="has the cluster a free task slot? Flink's page shows what the job waits for",
            )
        say(f"{unread:,} records to read")
        time.sleep(_POLL_SECONDS)
