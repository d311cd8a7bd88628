"""Tables that the stream told are held against the archive, put right, and left as they are where that is not sure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from bench.archived import ArchivedLog, fill_archive, tell_rows
from hailstream.archive.layout import topic_folder
from hailstream.batch.runs import batch_run
from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.proof.compare import Prover
from hailstream.proof.trips import compare_trips, expected_trips
from hailstream.reconcile import corrections
from hailstream.reconcile.result import TableResult
from hailstream.reconcile.run import Reconciler, chosen_tables
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED
from tests.contract.clickhouse.embedded import Embedded

if TYPE_CHECKING:
    from pyspark import SparkContext

SPEC = "sim:seed=3&rate=2&minutes=40&faults=late:0.03,duplicate:0.03"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Embedded]:
    """A ClickHouse of the test's own, so that it may go away."""
    server = Embedded(tmp_path / "clickhouse")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def settings(namespace: Settings, server: Embedded, tmp_path: Path) -> Settings:
    """A namespace whose stream has told an archived log, and has left late rows out."""
    changes = {"archive": (tmp_path / "kept").as_uri(), "clickhouse_url": server.url, "horizon": "2030-01-01T00:00:00"}
    own = namespace.model_copy(update=changes)
    fill_archive(own, SPEC, tmp_path / "sim")
    tell_rows(ArchivedLog(own))
    return own


def reconcile(spark: SparkContext, settings: Settings, *names: str, dry_run: bool = False) -> dict[str, TableResult]:
    with batch_run("reconcile", settings) as run:
        reconciler = Reconciler(spark, settings)
        some = [reconciler.reconcile(table, None, None, None if dry_run else run) for table in chosen_tables(names)]
    return {result.table.name: result for result in some}


def kinds(result: TableResult) -> dict[tuple[str, str], int]:
    return {kind: group.rows for kind, group in result.kinds.items()}


def command(settings: Settings, *statements: str) -> None:
    with reachable(settings, database=settings.database) as client:
        for statement in statements:
            client.command(statement)


def ask(settings: Settings, query: str) -> Any:
    with reachable(settings, database=settings.database) as client:
        return client.query(query).result_rows


def test_what_differs_is_told_with_its_reason_and_put_right_once(spark: SparkContext, settings: Settings) -> None:
    some = [trip for (trip,) in ask(settings, "SELECT trip_id FROM trips ORDER BY trip_id LIMIT 3")]
    command(
        settings,
        f"DELETE FROM trips_raw WHERE trip_id IN ('{some[0]}', '{some[1]}')",
        f"INSERT INTO trips_raw SELECT * REPLACE (fare + 1 AS fare, version + 1 AS version)"
        f" FROM trips_raw WHERE trip_id = '{some[2]}'",
        "INSERT INTO trips_raw SELECT * REPLACE ('nobody' AS trip_id) FROM trips_raw LIMIT 1",
    )
    first = reconcile(spark, settings)
    found = kinds(first["trips"])
    assert found.pop(("missing", "not said")) == 2
    assert found.pop(("extra", "unexplained")) == 1
    assert found == {("different", "unexplained"): 1}
    assert first["trips"].kinds["different", "unexplained"].deltas["fare"] == -100
    for name in ("zone_counts", "zone_revenue"):
        assert {why for _, why in kinds(first[name])} == {"late rows"}, name
        assert first[name].differing == first[name].corrected > 100
    assert (
        first["zone_counts"].deltas["trips"]
        == 5 * ask(settings, "SELECT count() FROM late WHERE metric = 'zone_counts'")[0][0]
        - first["zone_counts"].deltas["duplicates"]
    )

    second = reconcile(spark, settings)
    assert {name: result.differing for name, result in second.items()} == dict.fromkeys(second, 0)
    log = ArchivedLog(settings)
    for name, events in (("zone_counts", "started_log"), ("trips", "ended_log")):
        assert second[name].events == log.value(f"SELECT count(*) FROM {events} WHERE readable AND NOT heartbeat")
    truth = Prover(log, late_counts=True).compare()
    assert [(m.missing, m.extra, m.different) for m in truth.metrics] == [(0, 0, 0)] * 2
    assert expected_trips(log) == second["trips"].rows > 1000
    assert compare_trips(log).differing == 0


def test_rows_of_a_newer_generation_are_left_alone(spark: SparkContext, settings: Settings) -> None:
    for table in ("zone_counts", "trips"):
        newer = "version + bitShiftLeft(toUInt64(1), 48) AS version"
        command(settings, f"INSERT INTO {table}_raw SELECT * REPLACE ({newer}) FROM {table}_raw LIMIT 1")
        before = ask(settings, f"SELECT count() FROM {table}_raw")
        with pytest.raises(HailstreamError, match="generation 2, and this is generation 1") as refused:
            reconcile(spark, settings, table)
        assert "HAILSTREAM_GENERATION=2" in (refused.value.hint or "")
        assert ask(settings, f"SELECT count() FROM {table}_raw") == before


def test_a_range_with_a_hole_is_refused_and_one_before_it_is_not(spark: SparkContext, settings: Settings) -> None:
    folder = Path(f"{settings.archive_address}/{topic_folder(TRIPS_ENDED, settings.namespace)}".removeprefix("file://"))
    [file] = [path for path in folder.glob("*/*/part-*") if pl.read_parquet(path)["kind"].eq("event").any()]
    lost = (pl.col("kafka_partition") == 0) & (pl.col("kafka_offset") == 100)
    pl.read_parquet(file).filter(~lost).write_parquet(file)
    before = ask(settings, "SELECT count() FROM trips_raw")
    with pytest.raises(HailstreamError, match="is not whole: partition 0: 100 to 100 missing") as refused:
        reconcile(spark, settings, "trips")
    hint = refused.value.hint or ""
    assert "--to 2024-03-01T23:" in hint
    assert ask(settings, "SELECT count() FROM trips_raw") == before
    assert ask(settings, "SELECT state, rows_out FROM batch_runs") == [("failed", 0)]
    assert reconcile(spark, settings, "zone_counts", dry_run=True)["zone_counts"].differing


def test_a_server_that_goes_away_before_the_rows_are_published_shows_none_of_them(
    spark: SparkContext, settings: Settings, server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ask(settings, "SELECT count(), max(version) FROM zone_counts_raw")
    publish = corrections._publish

    def stopped(*given: Any) -> None:
        server.kill()
        publish(*given)

    with monkeypatch.context() as patch:
        patch.setattr(corrections, "_publish", stopped)
        with pytest.raises(HailstreamError, match="cannot be reached"):
            reconcile(spark, settings, "zone_counts")
    server.start()
    assert ask(settings, "SELECT count(), max(version) FROM zone_counts_raw") == before
    # Its lock is that of a dead process, which another run waits out.
    command(settings, "DROP TABLE IF EXISTS batch_lock")
    assert reconcile(spark, settings, "zone_counts")["zone_counts"].corrected > 100
    assert reconcile(spark, settings, "zone_counts")["zone_counts"].differing == 0
    assert ask(settings, "SHOW TABLES LIKE '%\\_run\\_%'") == [("batch_run_states",)]
    assert [state for (state,) in ask(settings, "SELECT state FROM batch_runs ORDER BY run")] == [
        "running",
        "done",
        "done",
    ]


def test_a_full_disk_ends_the_run_with_a_message_and_publishes_nothing(settings: Settings, tmp_path: Path) -> None:
    """A run of its own: a session keeps to the folder that it began with."""
    own = settings.model_copy(update={"home": tmp_path / "home"})
    small = own.home_dir / "spark" / "local"
    small.mkdir(parents=True)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True, check=False
    ).returncode:
        pytest.skip("only root can mount a small disk")
    before = ask(settings, "SELECT count() FROM zone_counts_raw")
    environment = dict(os.environ) | own.as_environment()
    try:
        command = [sys.executable, "-m", "hailstream.cli", "batch", "reconcile", "--table", "zone_counts"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)
    assert done.returncode == 1, done.stderr
    assert "No space left on device" in done.stderr
    assert ask(settings, "SELECT count() FROM zone_counts_raw") == before
    assert ask(settings, "SELECT state FROM batch_runs") == [("failed",)]
