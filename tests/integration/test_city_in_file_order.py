"""A month played as its rows stand in the file: nearly all of them out of order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.settings import Settings
from tests.integration.city import PATIENCE, assert_proven, load_all, prepared, replay
from tests.stack import wait_until

# Rows of the month's file; 10,000 trips are enough for thousands of late ones.
ROWS = 10_000
# Half of the month in some five seconds: windows close while it runs.
PACE = 250_000.0


@pytest.fixture
def green(shared_data: Path) -> str:
    return str(shared_data / "green_tripdata_2024-01.parquet")


@pytest.fixture
def pipeline(stack: Settings, green: str, tmp_path: Path) -> Iterator[Pipeline]:
    """More of each operator than the file has order: every exchange is between many."""
    fresh = stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}", "parallelism": 4})
    with Pipeline(prepared(fresh, green, tmp_path, order="file", limit=ROWS)) as pipeline:
        yield pipeline
    if pipeline.job_id:
        FlinkRest(pipeline.settings).cancel_if_active(pipeline.job_id)


def test_pace_a_restore_and_late_rows_after_it_are_as_the_log_says(
    pipeline: Pipeline, green: str, tmp_path: Path
) -> None:
    settings = pipeline.settings
    pipeline.start_loaders("clickhouse")
    pipeline.start_job()
    # The first half, then a stop; the second half is out of order, so it begins with late rows.
    replay(settings, green, tmp_path, order="file", limit=ROWS // 2, speed=PACE, final=False)
    wait_until(lambda: pipeline.loaded_rows("zone_counts") > 0, PATIENCE, "no row came before the stop")
    savepoint = pipeline.stop_job()
    replay_rest(settings, green, tmp_path)
    pipeline.job_id = submit_job(find_job("city", settings), settings, savepoint=savepoint)
    proof = load_all(pipeline, settings, tmp_path)
    assert_proven(proof)
    assert all(metric.accounts.late > ROWS / 2 for metric in proof.metrics)
    assert FlinkRest(settings).vertex_metric(pipeline.job_id, "numLateRecordsDropped") == 0
    assert pipeline.restarts() == 0


def replay_rest(settings: Settings, green: str, work_dir: Path) -> None:
    """What comes after the first half of the rows: the whole again would repeat it."""
    from hailstream.replay.events import open_source
    from hailstream.replay.run import ReplayOptions, run_replay

    whole = open_source(green, work_dir=work_dir, order="file", limit=ROWS)
    half = sum(frame.height for frame in open_source(green, work_dir=work_dir, order="file", limit=ROWS // 2).batches())

    class Rest:
        name = whole.name

        def bounds(self) -> object:
            return whole.bounds()

        def total_events(self) -> None:
            return None

        def report(self) -> object:
            return whole.report()

        def batches(self) -> object:
            left = half
            for frame in whole.batches():
                skipped = min(left, frame.height)
                left -= skipped
                if skipped < frame.height:
                    yield frame.slice(skipped)

    run_replay(settings, Rest(), ReplayOptions(allow_late=True))  # type: ignore[arg-type]
