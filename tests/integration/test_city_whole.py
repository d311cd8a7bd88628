"""All jobs in one graph say what follows from the log, each of them and all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.catalog import PARTS
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.loader.redis_store import connect
from hailstream.proof.answers import AnswersProver
from hailstream.proof.compare import Prover
from hailstream.proof.eventlog import EventLog
from hailstream.settings import Settings
from tests.integration.city import PATIENCE, assert_proven, prepared, replay

SPEC = "sim:?seed=17&minutes=150&rate=25&faults=all"


@pytest.fixture
def pipeline(stack: Settings, tmp_path: Path) -> Iterator[Pipeline]:
    settings = stack.model_copy(
        update={"namespace": f"t{uuid4().hex[:10]}", "city_jobs": "all", "fold_shards": 2, "driver_secret": None}
    )
    with Pipeline(prepared(settings, SPEC, tmp_path)) as pipeline:
        pipeline.start_loaders()
        pipeline.start_job()
        yield pipeline
    FlinkRest(settings).cancel_if_active(pipeline.job_id)


def test_every_row_of_every_job_is_as_the_log_says(pipeline: Pipeline, tmp_path: Path) -> None:
    settings = pipeline.settings
    replay(settings, SPEC, tmp_path)
    log = EventLog(settings, work_dir=tmp_path)
    windows, answers = Prover(log), AnswersProver(log, PARTS)
    rows = windows.expected_rows() | answers.expected_rows()
    rows["late"] += answers.late
    pipeline.wait_until_loaded(rows, lambda _: None, patience=PATIENCE)
    assert_proven(windows.compare())
    proofs = answers.compare()
    assert not [proof for proof in proofs if proof.differing], proofs
    assert all(proof.rows > 100 for proof in proofs), proofs
    assert pipeline.restarts() == 0
    assert pipeline.loaded_rows("late") == rows["late"]
    redis = connect(settings)
    surge = redis.hgetall(f"{settings.redis_prefix}surge:161")
    assert float(surge["multiplier"]) >= 1
    assert {redis.hget(key, "level") for key in redis.scan_iter(match=f"{settings.redis_prefix}risk:*")} >= {
        "LOW",
        "HIGH",
    }
