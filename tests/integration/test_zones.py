"""Prices and forecasts of zones are those that follow from the log, with policies, across a stop and a restore."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from hailstream.clickhouse import reachable
from hailstream.control_log import ControlLog
from hailstream.demo.pipeline import Pipeline
from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.policy import make_policy, write_policy
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.proof.eventlog import EventLog
from hailstream.proof.rows import RowsProof
from hailstream.proof.zones import ZoneProver
from hailstream.settings import Settings
from hailstream.topics import SURGE_POLICIES
from tests.integration.city import PATIENCE, prepared, replay
from tests.stack import wait_until

SPEC = "sim:?seed=3&minutes=150&rate=40&faults=all"
HALF = datetime(2024, 3, 2, 0, 10, tzinfo=UTC)
POLICY = make_policy(scope="borough:Manhattan", sensitivity=1.0, threshold=0.5, cap=2.0, revision=1)


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Settings:
    fresh = stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}", "fold_shards": 2, "parallelism": 2})
    return prepared(fresh, SPEC, tmp_path)


@contextmanager
def running(settings: Settings, job: str) -> Iterator[Pipeline]:
    with Pipeline(settings, job=job) as pipeline:
        pipeline.start_loaders()
        pipeline.start_job()
        yield pipeline
    FlinkRest(settings).cancel_if_active(pipeline.job_id)


def proven(pipeline: Pipeline, table: str, work_dir: Path, policies: Policies) -> RowsProof:
    prover = ZoneProver(EventLog(pipeline.settings, work_dir=work_dir), policies)
    rows = prover.expected_rows()[table]
    wait_until(lambda: pipeline.loaded_rows(table) >= rows, PATIENCE, f"there are not {rows} rows in {table}")
    proof = prover.compare_prices() if table == "zone_surge" else prover.compare_forecasts()
    assert proof.differing == 0, proof
    assert proof.rows > 1000
    assert pipeline.restarts() == 0
    return proof


def test_prices_follow_from_the_log_and_the_policies_across_a_restore(settings: Settings, tmp_path: Path) -> None:
    said = ControlLog(settings, SURGE_POLICIES)
    said.write(b"borough:Manhattan", write_policy(POLICY))
    said.write(b"city", json.dumps({"scope": "city", "cap": 99}).encode())
    with running(settings, "surge") as pipeline:
        replay(settings, SPEC, tmp_path, until=HALF, final=False)
        wait_until(lambda: pipeline.loaded_rows("zone_surge") > 500, PATIENCE, "no prices before the stop")
        savepoint = pipeline.stop_job()
        again = settings.model_copy(update={"parallelism": 1})
        pipeline.job_id = submit_job(find_job("surge", again), again, savepoint=savepoint)
        replay(settings, SPEC, tmp_path, start=HALF)
        proven(pipeline, "zone_surge", tmp_path, Policies().with_(POLICY))
        with reachable(settings, database=settings.database) as client:
            query = "SELECT multiplier, count() FROM zone_surge GROUP BY multiplier ORDER BY multiplier"
            multipliers = [float(multiplier) for multiplier, _ in client.query(query).result_rows]
            [(topic, detail)] = client.query(
                f"SELECT topic, detail FROM rejected WHERE topic LIKE '%{SURGE_POLICIES.base}'"
            ).result_rows
        assert multipliers[0] == 1.0 < multipliers[-1] <= 3.0
        assert topic == SURGE_POLICIES.name(settings.namespace)
        assert "cap 99 must be a number from 1 to 5" in detail


def test_forecasts_follow_from_the_log(settings: Settings, tmp_path: Path) -> None:
    with running(settings, "forecast") as pipeline:
        replay(settings, SPEC, tmp_path)
        proven(pipeline, "zone_forecast", tmp_path, Policies())
