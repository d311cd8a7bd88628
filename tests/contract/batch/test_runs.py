"""One batch run writes at a time, and each leaves a record however it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hailstream.batch.lock import alone
from hailstream.batch.runs import batch_run
from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.loader.migrations import migrate
from hailstream.settings import Settings
from tests.stack import Servers


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings) -> Settings:
    servers("clickhouse")
    with reachable(bare_namespace, database="default") as client:
        migrate(client, bare_namespace.database)
    return bare_namespace


def recorded(settings: Settings) -> list[dict[str, Any]]:
    with reachable(settings, database=settings.database) as client:
        return list(client.query("SELECT * FROM batch_runs ORDER BY run").named_results())


def test_a_run_is_recorded_when_it_begins_and_when_it_ends(settings: Settings) -> None:
    with batch_run("reconcile", settings) as run:
        assert [row["state"] for row in recorded(settings)] == ["running"]
        run.rows_in, run.rows_out, run.detail = 7, 3, {"a": 1}
    [row] = recorded(settings)
    assert (row["run"], row["job"], row["state"], row["rows_in"], row["rows_out"]) == (1, "reconcile", "done", 7, 3)
    assert json.loads(row["detail"]) == {"a": 1}
    with batch_run("reconcile", settings) as run:
        assert run.number == 2


def test_a_run_that_fails_says_why(settings: Settings) -> None:
    with pytest.raises(HailstreamError), batch_run("reconcile", settings):
        raise HailstreamError("the archive is empty")
    [row] = recorded(settings)
    assert (row["state"], json.loads(row["detail"])["error"]) == ("failed", "the archive is empty")


def test_a_second_run_at_the_same_time_is_told_who_is_at_work(settings: Settings) -> None:
    with batch_run("reconcile", settings):
        with pytest.raises(HailstreamError, match=r"another batch job writes to \w+: reconcile on .*, process \d+"):
            batch_run("backfill", settings).__enter__()
        assert len(recorded(settings)) == 1
    with batch_run("backfill", settings):
        pass
    assert [row["job"] for row in recorded(settings)] == ["reconcile", "backfill"]


def test_the_lock_of_a_dead_process_is_taken_over(settings: Settings) -> None:
    with reachable(settings, database=settings.database) as client:
        client.command(
            "CREATE TABLE batch_lock (owner String, at DateTime64(3, 'UTC') DEFAULT now64(3))"
            " ENGINE = MergeTree ORDER BY at"
        )
        client.command("INSERT INTO batch_lock SELECT 'dead', now64(3) - INTERVAL 80 SECOND")
        with pytest.raises(HailstreamError, match="dead"), alone("reconcile", settings):
            pass
        client.command("TRUNCATE TABLE batch_lock")
        client.command("INSERT INTO batch_lock SELECT 'dead', now64(3) - INTERVAL 100 SECOND")
    with alone("reconcile", settings):
        pass
    with reachable(settings, database=settings.database) as client:
        assert not int(client.command("EXISTS TABLE batch_lock"))
