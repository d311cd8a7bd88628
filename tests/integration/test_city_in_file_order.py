"""A month played as its rows stand in the file: nearly all of them out of order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from polars.testing import assert_frame_equal

from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.settings import Settings
from tests.integration.city import PATIENCE, assert_proven, load_all, prepared, replay, table
from tests.stack import wait_until

# Rows of the month's file; 10,000 trips are enough for thousands of late ones.
ROWS = 10_000
# The month in some ten seconds: windows close while it runs.
PACE = 250_000.0


@pytest.fixture
def green(shared_data: Path) -> str:
    return str(shared_data / "green_tripdata_2024-01.parquet")


@pytest.fixture
def settings(stack: Settings) -> Settings:
    return fresh(stack)


def fresh(stack: Settings) -> Settings:
    return stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})


@pytest.fixture
def run(green: str, tmp_path: Path) -> Iterator[object]:
    """Runs the job over the file in a namespace; gives the settings it ran with."""
    pipelines: list[Pipeline] = []

    def start(settings: Settings, **changes: object) -> tuple[Settings, Pipeline]:
        ready = prepared(settings, green, tmp_path, order="file", limit=ROWS).model_copy(update=changes)
        pipeline = Pipeline(ready)
        pipelines.append(pipeline)
        pipeline.start_loaders()
        return ready, pipeline

    yield start
    for pipeline in pipelines:
        pipeline.end_loaders()
        if pipeline.job_id:
            FlinkRest(pipeline.settings).cancel_if_active(pipeline.job_id)


def test_pace_parallelism_a_restore_and_late_rows_after_it_change_no_row(
    settings: Settings, stack: Settings, run: object, green: str, tmp_path: Path
) -> None:
    ready, paced = run(settings, parallelism=1)  # type: ignore[operator]
    paced.start_job()
    replay(ready, green, tmp_path, order="file", limit=ROWS, speed=PACE)
    proof = load_all(paced, ready, tmp_path)
    assert_proven(proof)
    assert all(metric.accounts.late > ROWS / 2 for metric in proof.metrics)
    assert FlinkRest(ready).vertex_metric(paced.job_id, "numLateRecordsDropped") == 0
    assert paced.restarts() == 0

    other, restored = run(fresh(stack), parallelism=4)  # type: ignore[operator]
    restored.start_job()
    # The first half, then a stop; the second half is out of order, so it begins with late rows.
    replay(other, green, tmp_path, order="file", limit=ROWS // 2, final=False)
    wait_until(lambda: restored.loaded_rows("zone_counts") > 0, PATIENCE, "no row came before the stop")
    savepoint = restored.stop_job()
    replay_rest(other, green, tmp_path)
    restored.job_id = submit_job(find_job("city", other), other, savepoint=savepoint)
    assert_proven(load_all(restored, other, tmp_path))
    assert FlinkRest(other).vertex_metric(restored.job_id, "numLateRecordsDropped") == 0
    for metric in ("zone_counts", "zone_revenue"):
        assert_frame_equal(table(ready, metric), table(other, metric))


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


def test_a_file_replayed_twice_into_one_topic_gives_the_same_tables(
    settings: Settings, run: object, green: str, tmp_path: Path
) -> None:
    ready, pipeline = run(settings)  # type: ignore[operator]
    pipeline.start_job()
    replay(ready, green, tmp_path, limit=ROWS // 2)
    assert_proven(load_all(pipeline, ready, tmp_path))
    before = {metric: table(ready, metric) for metric in ("zone_counts", "zone_revenue")}
    replay(ready, green, tmp_path, limit=ROWS // 2, allow_late=True)
    proof = load_all(pipeline, ready, tmp_path)
    assert_proven(proof)
    assert all(metric.accounts.late >= ROWS // 2 for metric in proof.metrics)
    for metric, rows in before.items():
        after = table(ready, metric).filter(table(ready, metric)["window_end"] <= rows["window_end"].max())
        assert_frame_equal(after, rows)
