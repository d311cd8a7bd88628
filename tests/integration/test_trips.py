"""The trips job gives every trip that ended once, late ones and refunds too, as the log says it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hailstream.clickhouse import reachable
from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.proof.eventlog import EventLog
from hailstream.proof.trips import compare_trips, expected_trips
from hailstream.settings import Settings
from tests.integration.city import PATIENCE, prepared, replay
from tests.stack import wait_until


@pytest.fixture
def pipeline(stack: Settings) -> Iterator[Pipeline]:
    settings = stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    with Pipeline(settings, job="trips") as pipeline:
        yield pipeline
    if pipeline.job_id:
        FlinkRest(settings).cancel_if_active(pipeline.job_id)


def proven(pipeline: Pipeline, source: str, work_dir: Path) -> tuple[Settings, int]:
    """Replay a source; every trip is as the log says it; how many they are."""
    pipeline.settings = ready = prepared(pipeline.settings, source, work_dir)
    pipeline.start_loaders()
    pipeline.start_job()
    replay(ready, source, work_dir)
    log = EventLog(ready, work_dir=work_dir)
    expected = expected_trips(log)
    wait_until(lambda: pipeline.loaded_rows("trips") >= expected, PATIENCE, f"there are not {expected} trips")
    proof = compare_trips(log)
    assert proof.differing == 0, proof
    assert pipeline.restarts() == 0
    return ready, expected


def test_trips_of_green_january_2024(pipeline: Pipeline, tmp_path: Path, shared_data: Path) -> None:
    ready, trips = proven(pipeline, str(shared_data / "green_tripdata_2024-01.parquet"), tmp_path)
    assert trips == 56_551
    with reachable(ready, database=ready.database) as client:
        query = "SELECT countIf(mph > 80), sum(total), countIf(total < 0) FROM trips"
        [(fast, total, refunds)] = client.query(query).result_rows
    assert (fast, str(total), refunds) == (214, "1266922.59", 185)
