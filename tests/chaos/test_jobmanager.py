"""A JobManager that is killed: jobs go on from their newest checkpoint, by command or by the cluster itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import PARTS
from hailstream.jobs.checkpoints import newest_checkpoint
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.lifecycle import cancel_job, stop_job
from hailstream.jobs.recovery import recover_job
from hailstream.jobs.submit import submit_job
from hailstream.local.manager import Manager
from hailstream.local.stack import Stack
from hailstream.settings import Settings
from tests.stack import embedded_settings, wait_until

REVENUE = PARTS["revenue"]
PATIENCE = 180.0


@pytest.fixture
def settings(stack: Settings) -> Iterator[Settings]:
    settings = stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    yield settings
    rest = FlinkRest(settings)
    job = rest.active_job(REVENUE.title(settings))
    if job is not None:
        rest.cancel(job.job_id)


@pytest.fixture
def available() -> Iterator[Settings]:
    """A stack of its own whose JobManager has ZooKeeper."""
    home = Path(tempfile.mkdtemp(prefix="hs-"))
    settings = embedded_settings(home).model_copy(update={"flink_ha": "zookeeper"})
    stack = Stack(settings)
    try:
        stack.up(("kafka", "registry", "flink"))
        yield settings
    finally:
        stack.down()
        shutil.rmtree(home, ignore_errors=True)


def answers(question: Callable[[], object]) -> bool:
    """Whether the cluster, which may be away, answers so."""
    with suppress(HailstreamError):
        return bool(question())
    return False


def kill_job_manager(settings: Settings) -> None:
    """Kill it, and wait until the next one answers."""
    manager = Manager(settings.home_dir)
    pid = manager.processes()["flink-jobmanager"].pid
    psutil.Process(pid).kill()
    wait_until(
        lambda: (
            manager.processes()["flink-jobmanager"].pid not in (0, pid)
            and answers(lambda: FlinkRest(settings).jobs() is not None)
        ),
        PATIENCE,
        "no JobManager came back",
    )


def completed(settings: Settings, job_id: str) -> str | None:
    """The newest checkpoint that a job completed itself."""
    with suppress(HailstreamError):
        return FlinkRest(settings).latest_checkpoint(job_id)
    return None


@pytest.mark.timeout(900)
def test_a_job_that_was_forgotten_is_recovered_and_one_that_was_stopped_is_not(settings: Settings) -> None:
    first = submit_job(REVENUE, settings)
    wait_until(lambda: completed(settings, first), PATIENCE, "no checkpoint")
    with pytest.raises(HailstreamError, match="already writes"):
        recover_job(REVENUE, settings)
    kill_job_manager(settings)
    newest = newest_checkpoint(REVENUE, settings)
    second, checkpoint = recover_job(REVENUE, settings)
    assert checkpoint == newest.path.as_uri()
    assert first in checkpoint
    wait_until(lambda: completed(settings, second), PATIENCE, "the recovered job completes no checkpoint")

    cancel_job("revenue", settings)
    third, checkpoint = recover_job(REVENUE, settings)
    assert second in checkpoint
    wait_until(lambda: completed(settings, third), PATIENCE, "the recovered job completes no checkpoint")

    stop_job("revenue", settings)
    # A folder without metadata is no checkpoint: one that a kill has cut off, which nobody goes on from.
    wait_until(lambda: not list(newest.run.glob("*/chk-*/_metadata")), PATIENCE, "checkpoints outlive the stop")
    with pytest.raises(HailstreamError, match="no checkpoint of job revenue"):
        recover_job(REVENUE, settings)


@pytest.mark.timeout(900)
def test_with_zookeeper_the_next_job_manager_goes_on_with_the_same_job(available: Settings) -> None:
    job_id = submit_job(REVENUE, available)
    wait_until(lambda: completed(available, job_id), PATIENCE, "no checkpoint")
    kill_job_manager(available)
    rest = FlinkRest(available)
    wait_until(
        lambda: answers(lambda: rest.restored_checkpoint(job_id) and rest.state(job_id) == "RUNNING"),
        PATIENCE,
        "the job did not come back by itself",
    )
    restored = rest.restored_checkpoint(job_id)
    wait_until(lambda: completed(available, job_id) not in (None, restored), PATIENCE, "no new checkpoint")
