"""The archive holds every record of the log once, and a stream that left late rows out ends equal to the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import typer
from typer.testing import CliRunner

from batch.reconcile import DRIFT, main
from bench.archived import LOGGED, OF_ENDS
from hailstream.archive.behind import records_behind
from hailstream.archive.commands import register
from hailstream.archive.layout import topic_folder
from hailstream.archive.manifest import Manifest, read_manifest
from hailstream.archive.store import open_store
from hailstream.clickhouse import reachable
from hailstream.demo.pipeline import Pipeline
from hailstream.jobs.catalog import ARCHIVE
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.local.processes import of_stack
from hailstream.proof.compare import Prover
from hailstream.proof.eventlog import LOGS, EventLog
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, TRIPS_ENDED, Topic
from tests.disk import small_disk
from tests.integration.city import PATIENCE, assert_proven, load_all, prepared, replay
from tests.stack import wait_until

SPEC = "sim:?seed=23&minutes=90&rate=10&faults=all"
# Flink and Spark, one after the other: some minutes on a busy machine.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def pipeline(stack: Settings, tmp_path: Path) -> Iterator[Pipeline]:
    changes = {
        "namespace": f"t{uuid4().hex[:10]}",
        "archive": (tmp_path / "kept").as_uri(),
        "archive_interval": 1.0,
        "city_jobs": "zone_counts,revenue,trips",
    }
    settings = stack.model_copy(update=changes)
    with Pipeline(settings) as pipeline:
        yield pipeline
    for title in (ARCHIVE.title(settings), f"hailstream.{settings.namespace}.city"):
        job = FlinkRest(settings).active_job(title)
        if job is not None:
            FlinkRest(settings).cancel_if_active(job.job_id)


def manifests(settings: Settings) -> dict[Topic, Manifest]:
    return {topic: read_manifest(open_store(topic, settings)) for topic in EVENT_TOPICS}


def assert_same_as_the_log(settings: Settings, work_dir: Path) -> dict[str, int]:
    """Row by row the archive is what another reader makes of the log; how many records there are of each kind."""
    log = EventLog(settings, work_dir=work_dir)
    kinds: dict[str, int] = {}
    for table, topic in LOGS.items():
        folder = f"{settings.archive_address}/{topic_folder(topic, settings.namespace)}".removeprefix("file://")
        log.connection.execute(
            f"CREATE OR REPLACE VIEW archived AS SELECT * FROM read_parquet('{folder}/*/*/part-*',"
            " hive_partitioning = true, hive_types_autocast = false)"
        )
        same = LOGGED | OF_ENDS if topic is TRIPS_ENDED else LOGGED
        values = " AND ".join(f'l."{mine}" IS NOT DISTINCT FROM a."{theirs}"' for mine, theirs in same.items())
        query = f"""
            SELECT count(*) FROM {table} l FULL JOIN archived a
            ON l."partition" = a.kafka_partition AND l."offset" = a.kafka_offset
            WHERE NOT coalesce(l.record_time = epoch_ms(a.record_time)
                AND a.kind = CASE WHEN heartbeat THEN 'heartbeat' WHEN readable THEN 'event' ELSE 'rejected' END
                AND (a.kind <> 'event' OR (l.event_time = epoch_ms(a.event_time) AND {values}))
                AND (a.message IS NOT NULL) = (a.kind = 'rejected') AND (a.reason IS NOT NULL) = (a.kind = 'rejected')
                AND a.event_date = strftime(a.record_time, '%Y-%m-%d')
                AND a.event_hour = strftime(a.record_time, '%H'), false)"""
        assert log.value(query) == 0, topic
        for kind, count in log.connection.execute("SELECT kind, count(*) FROM archived GROUP BY kind").fetchall():
            kinds[kind] = kinds.get(kind, 0) + count
    return kinds


def taskmanager(settings: Settings) -> psutil.Process:
    [found] = [p for p in of_stack(settings.home_dir) if "TaskManagerRunner" in " ".join(p.cmdline())]
    return found


def command(settings: Settings, *arguments: str) -> str:
    """What ``hailstream archive …`` prints."""
    app = typer.Typer()
    register(app)
    done = CliRunner().invoke(app, ["archive", *arguments], env=settings.as_environment())
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def reconcile(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    with monkeypatch.context() as patch:
        for name, value in settings.as_environment().items():
            patch.setenv(name, value)
        return main(arguments)


def runs(settings: Settings) -> list[tuple[str, bool, set[str]]]:
    """Of each run how it ended, whether it wrote rows, and how those differed that it found."""
    with reachable(settings, database=settings.database) as client:
        rows = client.query("SELECT state, rows_out > 0, detail FROM batch_runs ORDER BY run").result_rows
    return [
        (state, bool(wrote), {kind for metric in json.loads(detail)["tables"] for kind in metric["kinds"]})
        for state, wrote, detail in rows
    ]


def test_history_is_whole_and_right_though_a_taskmanager_is_killed_and_events_come_late(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.settings = settings = prepared(pipeline.settings, SPEC, tmp_path)
    rest = FlinkRest(settings)
    pipeline.start_loaders("clickhouse")
    pipeline.start_job()
    archiving = submit_job(ARCHIVE, settings)
    replay(settings, SPEC, tmp_path)
    wait_until(lambda: any(m.files for m in manifests(settings).values()), PATIENCE, "no file was published")
    taskmanager(settings).kill()
    wait_until(lambda: rest.restarts(archiving) > 0, PATIENCE, "job archive did not notice")
    wait_until(lambda: not records_behind(settings), PATIENCE, "the archive is not complete")
    # A run that knows nothing of the one before goes on behind its files.
    rest.cancel_if_active(archiving)
    replay(settings, SPEC, tmp_path, limit=3000, allow_late=True)
    archiving = submit_job(ARCHIVE, settings)
    assert_proven(load_all(pipeline, settings, tmp_path))
    wait_until(lambda: not records_behind(settings), PATIENCE, "the archive is not complete")
    rest.cancel_if_active(archiving)
    pipeline.stop_job()
    assert not any(manifest.gaps for manifest in manifests(settings).values())
    assert assert_same_as_the_log(settings, tmp_path).keys() == {"event", "heartbeat", "rejected"}

    assert reconcile(settings, monkeypatch, "--limit", "0") == DRIFT
    assert reconcile(settings, monkeypatch, "--limit", "0", "--dry-run") == 0
    late = {"different, late rows", "missing, late rows"}
    assert runs(settings) == [("done", True, late), ("done", False, set())]
    truth = Prover(EventLog(settings, work_dir=tmp_path), late_counts=True).compare()
    for metric in truth.metrics:
        assert metric.accounts.late == 0
        assert (metric.rows > 0, metric.missing, metric.extra, metric.different) == (True, 0, 0, 0), metric.examples


def test_an_archive_in_s3_is_whole_though_a_taskmanager_is_killed_and_spark_reads_it(
    pipeline: Pipeline, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = "sim:?seed=24&minutes=60&rate=5&faults=all"
    settings = prepared(pipeline.settings.model_copy(update={"archive": f"{bucket}/kept"}), spec, tmp_path)
    rest = FlinkRest(settings)
    archiving = submit_job(ARCHIVE, settings)
    replay(settings, spec, tmp_path, limit=2000, final=False)
    wait_until(lambda: any(m.files for m in manifests(settings).values()), PATIENCE, "no file was published")
    taskmanager(settings).kill()
    wait_until(lambda: rest.restarts(archiving) > 0, PATIENCE, "job archive did not notice")
    replay(settings, spec, tmp_path, allow_late=True)
    wait_until(lambda: not records_behind(settings), PATIENCE, "the archive is not complete")
    rest.cancel_if_active(archiving)
    whole = json.loads(command(settings, "status", "--json"))
    assert (whole["gaps"], whole["archive"]) == ([], settings.archive)
    assert "records written anew" in command(settings, "compact")
    assert json.loads(command(settings, "status", "--json")) == whole
    # Nobody has said anything of these windows: all of them are missing, and no more than those.
    assert reconcile(settings, monkeypatch, "--dry-run", "--limit", "0", "--table", "zone_counts") == DRIFT
    with reachable(settings, database=settings.database) as client:
        detail = json.loads(client.command("SELECT detail FROM batch_runs WHERE job = 'reconcile'"))
    [table] = detail["tables"]
    truth = Prover(EventLog(settings, work_dir=tmp_path), late_counts=True)
    assert table["kinds"] == {"missing, not said": truth.expected_rows()["zone_counts"]}


def test_a_full_disk_holds_the_archive_up_and_when_it_is_larger_nothing_is_missing(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    spec = "sim:?seed=25&minutes=60&rate=5&faults=none"
    with small_disk(tmp_path / "small", "400k") as disk:
        settings = prepared(pipeline.settings.model_copy(update={"archive": disk.folder.as_uri()}), spec, tmp_path)
        rest = FlinkRest(settings)
        archiving = submit_job(ARCHIVE, settings)
        replay(settings, spec, tmp_path)
        wait_until(lambda: "No space left" in rest.last_failure(archiving), PATIENCE, "the disk was not full")
        assert records_behind(settings)
        disk.grow("1g")
        wait_until(lambda: not records_behind(settings), PATIENCE, "the archive is not complete")
        rest.cancel_if_active(archiving)
        assert not any(manifest.gaps for manifest in manifests(settings).values())
