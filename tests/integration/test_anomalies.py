"""The anomalies job says what plain queries over the log say, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from hailstream.clickhouse import reachable
from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.proof.alerts import AlertProver
from hailstream.proof.eventlog import EventLog
from hailstream.settings import Settings
from tests.integration.city import PATIENCE, prepared, replay
from tests.stack import wait_until

JOB = "anomalies"
HALF = datetime(2024, 1, 16, 12, tzinfo=UTC)


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    with Pipeline(settings, job=JOB) as pipeline:
        yield pipeline
    if pipeline.job_id:
        FlinkRest(settings).cancel_if_active(pipeline.job_id)


def loaded(settings: Settings, table: str) -> int:
    with reachable(settings, database=settings.database) as client:
        return int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])


def assert_as_queried(settings: Settings, work_dir: Path) -> dict[str, int]:
    """Every rule's alerts are those of its query; how many of each."""
    prover = AlertProver(EventLog(settings, work_dir=work_dir))
    total = sum(map(len, prover.expected().values()))
    wait_until(lambda: loaded(settings, "alerts") >= total, PATIENCE, f"there are not {total} alerts")
    wait_until(lambda: loaded(settings, "late") >= sum(prover.late().values()), PATIENCE, "late events are missing")
    proofs = prover.compare()
    assert not [proof for proof in proofs if proof.differing], proofs
    assert loaded(settings, "late") == sum(prover.late().values())
    return {proof.rule: proof.expected for proof in proofs}


@pytest.mark.parametrize("hours", [1.0, 2.0])
def test_rides_of_new_year_2013(
    settings: Settings, pipeline: Pipeline, tmp_path: Path, shared_data: Path, hours: float
) -> None:
    source = str(shared_data / "ride_events_2013-01-01.csv.gz")
    ready = prepared(settings, source, tmp_path).model_copy(update={"alert_open_hours": hours})
    pipeline.settings = ready
    pipeline.start_loaders()
    pipeline.start_job()
    replay(ready, source, tmp_path)
    found = assert_as_queried(ready, tmp_path)
    assert (found["ride_open_too_long"] > 20) == (hours == 1.0)


def test_green_of_january_2024_with_a_stop_and_restore(
    settings: Settings, pipeline: Pipeline, tmp_path: Path, shared_data: Path
) -> None:
    source = str(shared_data / "green_tripdata_2024-01.parquet")
    ready = prepared(settings, source, tmp_path)
    pipeline.settings = ready
    pipeline.start_loaders()
    pipeline.start_job()
    replay(ready, source, tmp_path, until=HALF, final=False)
    wait_until(lambda: loaded(ready, "alerts") > 50, PATIENCE, "no alerts before the stop")
    savepoint = pipeline.stop_job()
    again = ready.model_copy(update={"parallelism": 1})
    pipeline.job_id = submit_job(find_job(JOB, again), again, savepoint=savepoint)
    replay(ready, source, tmp_path, start=HALF)
    found = assert_as_queried(ready, tmp_path)
    assert found["implausible_speed"] == 214
    assert found["refund_of_fare"] == 182
