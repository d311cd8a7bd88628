"""Prices and forecasts of zones are those that follow from the log, with policies, across a stop and a restore."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from hailstream.clickhouse import reachable
from hailstream.control_log import ControlLog
from hailstream.demo.pipeline import Pipeline
from hailstream.domain.forecast.profile import Profile, ZoneProfile
from hailstream.domain.forecast.week import QUARTERS_A_WEEK
from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.policy import make_policy, write_policy
from hailstream.forecast.profile_topic import publish
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.proof.answers import AnswersProver
from hailstream.proof.eventlog import EventLog
from hailstream.settings import Settings
from hailstream.topics import SURGE_POLICIES
from tests.integration.city import PATIENCE, prepared, replay
from tests.stack import wait_until

SPEC = "sim:?seed=3&minutes=150&rate=40&faults=all"
HALF = datetime(2024, 3, 2, 0, 10, tzinfo=UTC)
POLICY = make_policy(scope="borough:Manhattan", sensitivity=1.0, threshold=0.5, cap=2.0, revision=1)

WEEK = tuple(float(quarter % 7) for quarter in range(QUARTERS_A_WEEK))
PROFILE = Profile(
    ZoneProfile(zone_id=zone, revision="r1", learned_from=0, learned_until=1, usual=WEEK) for zone in (132, 161, 236)
)


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Settings:
    fresh = stack.model_copy(
        update={"namespace": f"t{uuid4().hex[:10]}", "fold_shards": 2, "city_jobs": "surge,forecast"}
    )
    return prepared(fresh, SPEC, tmp_path)


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    said = ControlLog(settings, SURGE_POLICIES)
    said.write(b"borough:Manhattan", write_policy(POLICY))
    said.write(b"city", json.dumps({"scope": "city", "cap": 99}).encode())
    publish(settings, PROFILE)
    with Pipeline(settings) as pipeline:
        pipeline.start_loaders("clickhouse")
        pipeline.start_job()
        yield pipeline
    FlinkRest(settings).cancel_if_active(pipeline.job_id)


def test_prices_and_forecasts_follow_from_the_log_across_a_restore(pipeline: Pipeline, tmp_path: Path) -> None:
    settings = pipeline.settings
    replay(settings, SPEC, tmp_path, until=HALF, final=False)
    wait_until(lambda: pipeline.loaded_rows("zone_surge") > 500, PATIENCE, "no prices before the stop")
    savepoint = pipeline.stop_job()
    again = settings.model_copy(update={"parallelism": 1})
    pipeline.job_id = submit_job(find_job("city", again), again, savepoint=savepoint)
    replay(settings, SPEC, tmp_path, start=HALF)
    answers = AnswersProver(
        EventLog(settings, work_dir=tmp_path), ["surge", "forecast"], Policies().with_(POLICY), PROFILE
    )
    pipeline.wait_until_loaded(answers.expected_rows(), lambda _: None, patience=PATIENCE)
    proofs = answers.compare()
    assert not [proof for proof in proofs if proof.differing], proofs
    assert all(proof.rows > 1000 for proof in proofs)
    assert pipeline.restarts() == 0
    with reachable(settings, database=settings.database) as client:
        query = "SELECT multiplier, count() FROM zone_surge GROUP BY multiplier ORDER BY multiplier"
        multipliers = [float(multiplier) for multiplier, _ in client.query(query).result_rows]
        [(topic, detail)] = client.query(
            f"SELECT topic, detail FROM rejected WHERE topic LIKE '%{SURGE_POLICIES.base}'"
        ).result_rows
    assert multipliers[0] == 1.0 < multipliers[-1] <= 3.0
    assert topic == SURGE_POLICIES.name(settings.namespace)
    assert "cap 99 must be a number from 1 to 5" in detail
