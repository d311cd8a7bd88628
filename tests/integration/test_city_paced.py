"""The same file at a pace and as fast as it goes."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from polars.testing import assert_frame_equal

from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.settings import Settings
from tests.integration.city import assert_proven, load_all, prepared, replay, table

# A slice of a month in file order, in some ten seconds: windows close while it runs.
ROWS = 400
PACE = 250_000.0


def test_a_pace_changes_no_row(stack: Settings, shared_data: Path, tmp_path: Path) -> None:
    green = str(shared_data / "green_tripdata_2024-01.parquet")

    def play(speed: float | None) -> Settings:
        plain = stack.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
        settings = prepared(plain, green, tmp_path, order="file", limit=ROWS)
        pipeline = Pipeline(settings)
        try:
            pipeline.start_loaders()
            pipeline.start_job()
            replay(settings, green, tmp_path, order="file", limit=ROWS, speed=speed)
            proof = load_all(pipeline, settings, tmp_path)
        finally:
            pipeline.end_loaders()
            if pipeline.job_id:
                FlinkRest(settings).cancel_if_active(pipeline.job_id)
        assert_proven(proof)
        assert all(metric.accounts.late > ROWS / 4 for metric in proof.metrics)
        return settings

    paced, fast = play(PACE), play(None)
    for metric in ("zone_counts", "zone_revenue"):
        assert_frame_equal(table(paced, metric), table(fast, metric))
