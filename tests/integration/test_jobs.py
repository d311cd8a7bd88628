"""Running, refusing, saving and stopping jobs on a real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hailstream.clickhouse import reachable
from hailstream.demo.pipeline import Pipeline
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JOBS, find_job, job_title
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.lifecycle import cancel_job, savepoint_job, stop_job
from hailstream.jobs.submit import submit_job
from hailstream.local.flink import client_environment, flink_home
from hailstream.proof.compare import Prover
from hailstream.proof.eventlog import EventLog
from hailstream.settings import Settings
from tests.integration.city import assert_proven, load_all, prepared, replay

SPEC = "sim:?seed=5&minutes=6&rate=20&faults=none"


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Iterator[Settings]:
    settings = prepared(stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"}), SPEC, tmp_path)
    yield settings
    rest = FlinkRest(settings)
    for name in JOBS:
        job = rest.active_job(job_title(name, settings))
        if job is not None:
            rest.cancel(job.job_id)


def test_a_job_whose_results_are_written_already_is_refused(settings: Settings) -> None:
    job_id = submit_job(find_job("zone_counts", settings), settings)
    with pytest.raises(HailstreamError, match=f"zone_counts .{job_id}.*already writes"):
        submit_job(find_job("city", settings), settings)
    cancel_job("zone_counts", settings)
    with pytest.raises(HailstreamError, match="does not run"):
        stop_job("zone_counts", settings)


def test_an_equal_plan_goes_on_from_a_savepoint_and_a_changed_one_is_refused(settings: Settings) -> None:
    submit_job(find_job("revenue", settings), settings)
    assert savepoint_job("revenue", settings).startswith("file:")
    savepoint = stop_job("revenue", settings)
    changed = settings.model_copy(update={"max_disorder": 7.0})
    with pytest.raises(HailstreamError, match="definition changed") as refused:
        submit_job(find_job("revenue", changed), changed, savepoint=savepoint)
    assert "HAILSTREAM_GENERATION" in str(refused.value)
    assert submit_job(find_job("revenue", settings), settings, savepoint=savepoint)


def test_a_job_wider_than_its_topics_is_refused(settings: Settings) -> None:
    wide = settings.model_copy(update={"parallelism": settings.partitions + 1})
    with pytest.raises(HailstreamError, match="more than the 4 partitions"):
        submit_job(find_job("revenue", wide), wide)


def test_a_job_runs_by_plain_flink_run_and_its_proof_notices_a_wrong_row(settings: Settings, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(flink_home() / "bin" / "flink"),
            "run",
            "--detached",
            *("-m", settings.flink_address.removeprefix("http://")),
            *("-pyexec", sys.executable, "-pyclientexec", sys.executable),
            *("-py", str(find_job("city", settings).file), "--namespace", settings.namespace, "--parallelism", "1"),
        ],
        env=dict(os.environ) | client_environment(settings) | settings.as_environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Pipeline(settings) as pipeline:
        pipeline.start_loaders("clickhouse")
        replay(settings, SPEC, tmp_path)
        assert_proven(load_all(pipeline, settings, tmp_path))
    with reachable(settings, database=settings.database) as client:
        client.command(
            "INSERT INTO zone_counts_raw SELECT * REPLACE (trips + 1 AS trips, version + 1 AS version)"
            " FROM zone_counts_raw ORDER BY trips DESC LIMIT 1"
        )
        client.command(
            "INSERT INTO zone_revenue_raw SELECT * REPLACE (1 AS is_deleted, version + 1 AS version)"
            " FROM zone_revenue_raw ORDER BY rows DESC LIMIT 1"
        )
    counts, revenue = Prover(EventLog(settings, work_dir=tmp_path)).compare().metrics
    assert (counts.missing, counts.extra, counts.different) == (0, 0, 1)
    assert (revenue.missing, revenue.extra, revenue.different) == (1, 0, 0)
