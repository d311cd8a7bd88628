"""Real trips through stream and batch: windows, trips and alerts as the log says them, and equal in Spark."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest

from batch.backfill import main as backfill
from batch.reconcile import main as reconcile
from hailstream.clickhouse import reachable
from hailstream.demo.history import Archiving
from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.proof.alerts import AlertProver
from hailstream.proof.compare import Prover
from hailstream.proof.eventlog import EventLog
from hailstream.proof.trips import compare_trips, expected_trips
from hailstream.settings import Settings
from tests.integration.city import PATIENCE, assert_proven, prepared, replay
from tests.stack import wait_until

HALF = datetime(2024, 1, 16, 12, tzinfo=UTC)
DAY = date(2024, 1, 10)

# Flink and Spark, one after the other: some minutes on a busy machine.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def pipeline(stack: Settings, tmp_path: Path) -> Iterator[Pipeline]:
    settings = stack.model_copy(
        update={
            "namespace": f"t{uuid4().hex[:10]}",
            "city_jobs": "zone_counts,revenue,trips,anomalies",
            "archive": (tmp_path / "kept").as_uri(),
            "archive_interval": 2.0,
        }
    )
    with Pipeline(settings) as pipeline:
        yield pipeline
    if pipeline.job_id:
        FlinkRest(settings).cancel_if_active(pipeline.job_id)


@pytest.fixture
def archiving(pipeline: Pipeline) -> Iterator[Archiving]:
    archiving = Archiving(pipeline.settings)
    yield archiving
    archiving.stop()


def assert_live(pipeline: Pipeline, work_dir: Path) -> dict[str, int]:
    """Every window, trip and alert is as the log says it, and the job ends; how many alerts each rule has."""
    settings = pipeline.settings
    log = EventLog(settings, work_dir=work_dir)
    windows, alerts = Prover(log), AlertProver(log)
    rows = windows.expected_rows()
    rows["late"] += sum(alerts.late().values())
    rows |= {"trips": expected_trips(log), "alerts": sum(map(len, alerts.expected().values()))}
    pipeline.wait_until_loaded(rows, lambda _: None, patience=PATIENCE)
    assert_proven(windows.compare())
    assert compare_trips(log).differing == 0
    proofs = alerts.compare()
    assert not [proof for proof in proofs if proof.differing], proofs
    assert pipeline.loaded_rows("late") == rows["late"]
    assert pipeline.restarts() == 0
    pipeline.stop_job()
    return {proof.rule: proof.expected for proof in proofs}


def assert_equal_in_batch(settings: Settings, archiving: Archiving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark makes the same of the archive, to the last row and cent."""
    archiving.wait_until_whole(lambda _: None, patience=PATIENCE)
    with monkeypatch.context() as patch:
        for name, value in settings.as_environment().items():
            patch.setenv(name, value)
        before = signal.getsignal(signal.SIGINT)
        assert reconcile(["--limit", "0", "--dry-run"]) == 0
        assert signal.getsignal(signal.SIGINT) is before, "Ctrl-C is answered by a session that is gone"
    with reachable(settings, database=settings.database) as client:
        assert client.query("SELECT state, rows_in > 0, rows_out FROM batch_runs").result_rows == [("done", 1, 0)]


def assert_same_by_the_file(settings: Settings, source: str, work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trips that the stream told and a file has too are the same ones: a backfill of one day's changes no row."""
    trips = pl.read_parquet(source).filter(pl.col("lpep_pickup_datetime").dt.date() == DAY)
    trips.write_parquet(work_dir / Path(source).name)
    with monkeypatch.context() as patch:
        for name, value in settings.as_environment().items():
            patch.setenv(name, value)
        assert backfill([str(work_dir / Path(source).name)]) == 0
    with reachable(settings, database=settings.database) as client:
        query = "SELECT state, rows_in, detail FROM batch_runs WHERE job = 'backfill'"
        [(state, rows_in, detail)] = client.query(query).result_rows
    found = json.loads(detail)
    assert (state, rows_in, found["failed"], list(found["published"])) == ("done", trips.height, [], ["green-2024-01"])
    assert [table["metric"] for table in found["tables"]] == ["zone_counts", "zone_revenue", "trips"]
    for table in found["tables"]:
        assert (table["rows"] > trips.height - 10, table["differing"], table["corrected"]) == (True, 0, 0), table


def test_rides_of_new_year_2013(
    pipeline: Pipeline, archiving: Archiving, tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(shared_data / "ride_events_2013-01-01.csv.gz")
    pipeline.settings = settings = prepared(pipeline.settings, source, tmp_path, killed=False).model_copy(
        update={"alert_open_hours": 1.0}
    )
    pipeline.start_loaders("clickhouse")
    pipeline.start_job()
    archiving.start()
    replay(settings, source, tmp_path)
    assert assert_live(pipeline, tmp_path)["ride_open_too_long"] > 20
    with reachable(settings, database=settings.database) as client:
        query = """SELECT sum(trips) FROM zone_counts WHERE toMinute(window_end) % 5 = 0
                   GROUP BY toStartOfInterval(window_start, INTERVAL 15 MINUTE) ORDER BY min(window_start)"""
        starts = [trips for (trips,) in client.query(query).result_rows]
    assert starts == [4749, 7840, 8132, 8278, 8351, 8091, 7810, 299]
    assert_equal_in_batch(settings, archiving, monkeypatch)


def test_green_of_january_2024_with_a_stop_and_restore(
    pipeline: Pipeline, archiving: Archiving, tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(shared_data / "green_tripdata_2024-01.parquet")
    pipeline.settings = settings = prepared(pipeline.settings, source, tmp_path, killed=False)
    pipeline.start_loaders("clickhouse")
    pipeline.start_job()
    archiving.start()
    replay(settings, source, tmp_path, until=HALF, final=False)
    wait_until(lambda: pipeline.loaded_rows("alerts") > 50, PATIENCE, "no alerts before the stop")
    savepoint = pipeline.stop_job()
    again = settings.model_copy(update={"parallelism": 1})
    pipeline.job_id = submit_job(find_job("city", again), again, savepoint=savepoint)
    replay(settings, source, tmp_path, start=HALF)
    found = assert_live(pipeline, tmp_path)
    assert (found["implausible_speed"], found["refund_of_fare"]) == (214, 182)
    with reachable(settings, database=settings.database) as client:
        query = "SELECT count(), countIf(mph > 80), sum(total), countIf(total < 0) FROM trips"
        [(trips, fast, total, refunds)] = client.query(query).result_rows
        query = "SELECT count(), max(trips) FROM zone_counts WHERE trips > 0 AND toMinute(window_end) % 5 = 0"
        [(groups, biggest)] = client.query(query).result_rows
    assert (trips, fast, str(total), refunds) == (56_551, 214, "1266922.59", 185)
    assert (groups, biggest) == (39_773, 17)
    assert_equal_in_batch(settings, archiving, monkeypatch)
    assert_same_by_the_file(settings, source, tmp_path, monkeypatch)
