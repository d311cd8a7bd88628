"""Killed (-9) in the middle of a replay: the tables are those of an undisturbed run.

Servers are killed in :mod:`tests.chaos.test_ledger`, the JobManager in :mod:`tests.chaos.test_jobmanager`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.local.processes import of_stack
from hailstream.local.stack import Stack
from hailstream.replay.accounting import ReplayReport
from hailstream.settings import Settings
from tests.integration.city import assert_proven, load_all, prepared, replay
from tests.stack import wait_until

# Ten minutes of event time; the second half takes half a minute, and the kills fall into it.
SPEC = "sim:?seed=11&minutes=10&rate=50&faults=late:0.01,duplicate:0.02,corrupt:0.01"
HALF = datetime(2024, 3, 1, 23, 5, tzinfo=UTC)
SPEED = 10.0
PATIENCE = 90.0


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Settings:
    return prepared(stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"}), SPEC, tmp_path)


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    pipeline = Pipeline(settings)
    yield pipeline
    pipeline.end_loaders()
    if pipeline.job_id:
        FlinkRest(settings).cancel_if_active(pipeline.job_id)


def server(settings: Settings, name: str) -> psutil.Process:
    """The process of an embedded server."""
    pid = next(status.pid for status in Stack(settings).status() if status.name == name)
    assert pid is not None, f"{name} does not run"
    return psutil.Process(pid)


def python_workers(settings: Settings) -> list[psutil.Process]:
    found = []
    for process in of_stack(settings.home_dir):
        with suppress(psutil.NoSuchProcess):
            if "beam_boot" in " ".join(process.cmdline()):
                found.append(process)
    return found


def kill_one_by_one(settings: Settings, pipeline: Pipeline) -> None:
    """The TaskManager; when the job works again, its Python worker; and the loader."""
    # Workers outlive their TaskManager for a moment.
    orphans = python_workers(settings)
    server(settings, "flink-taskmanager").kill()
    wait_until(lambda: pipeline.restarts() > 0, PATIENCE, "the job did not notice that its TaskManager was gone")
    workers: list[psutil.Process] = []

    def runs_again() -> bool:
        workers[:] = [worker for worker in python_workers(settings) if worker not in orphans]
        return bool(workers)

    wait_until(runs_again, PATIENCE, "no Python worker runs")
    restarts = pipeline.restarts()
    workers[0].kill()
    wait_until(lambda: pipeline.restarts() > restarts, PATIENCE, "the job did not notice that its worker was gone")
    pipeline.kill_loader("clickhouse")
    pipeline.start_loaders()


@pytest.mark.timeout(900)
def test_kills_in_the_middle_of_a_replay_change_no_row(settings: Settings, pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.start_loaders()
    pipeline.start_job()
    replay(settings, SPEC, tmp_path, until=HALF, final=False)
    wait_until(lambda: pipeline.loaded_rows("zone_counts") > 0, PATIENCE, "no row came before the kill")
    reports: list[ReplayReport] = []

    def play_on() -> None:
        reports.append(replay(settings, SPEC, tmp_path, start=HALF, speed=SPEED, allow_late=True))

    player = threading.Thread(target=play_on)
    player.start()
    try:
        kill_one_by_one(settings, pipeline)
    finally:
        player.join()
    assert reports, "the replay failed"
    assert_proven(load_all(pipeline, settings, tmp_path))
