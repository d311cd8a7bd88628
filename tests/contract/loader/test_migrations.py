"""Migrations on a real server."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hailstream.clickhouse import connect
from hailstream.errors import HailstreamError
from hailstream.loader.migrations import MIGRATIONS_DIR, migrate
from hailstream.settings import Settings


def test_each_migration_is_applied_once_and_recorded(settings: Settings) -> None:
    with connect(settings) as client:
        applied = migrate(client, settings.database)
        assert [m.number for m in applied] == list(range(1, len(list(MIGRATIONS_DIR.glob("*.sql"))) + 1))
        assert migrate(client, settings.database) == []
        assert int(client.command("SELECT count() FROM migrations")) == len(applied)


def test_two_processes_at_once_apply_each_migration_once(settings: Settings) -> None:
    applied: list[int] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            with connect(settings) as client:
                applied.extend(m.number for m in migrate(client, settings.database))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(applied) == list(range(1, len(list(MIGRATIONS_DIR.glob("*.sql"))) + 1))


def test_a_migration_that_changed_after_it_was_applied_is_refused(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "0001_thing.sql"
    file.write_text("CREATE TABLE IF NOT EXISTS thing (x UInt8) ENGINE = TinyLog;\n")
    with connect(settings) as client:
        migrate(client, settings.database, tmp_path)
        file.write_text("CREATE TABLE IF NOT EXISTS thing (x UInt16) ENGINE = TinyLog;\n")
        (tmp_path / "0002_other.sql").write_text("CREATE TABLE IF NOT EXISTS other (x UInt8) ENGINE = TinyLog;\n")
        with pytest.raises(HailstreamError, match=r"0001_thing\.sql was changed"):
            migrate(client, settings.database, tmp_path)
        assert int(client.command("EXISTS TABLE other")) == 0


def test_a_migration_that_was_interrupted_is_finished_the_next_time(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "0001_pair.sql"
    first = "CREATE TABLE IF NOT EXISTS one (x UInt8) ENGINE = TinyLog;\n"
    file.write_text(first + "CREATE TABLE IF NOT EXISTS two (x Nonsense) ENGINE = TinyLog;\n")
    with connect(settings) as client:
        with pytest.raises(Exception, match="Nonsense"):
            migrate(client, settings.database, tmp_path)
        file.write_text(first + "CREATE TABLE IF NOT EXISTS two (x UInt8) ENGINE = TinyLog;\n")
        assert [m.number for m in migrate(client, settings.database, tmp_path)] == [1]
        assert int(client.command("EXISTS TABLE two")) == 1


def test_a_lock_that_a_dead_process_left_behind_is_removed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0001_thing.sql").write_text("CREATE TABLE IF NOT EXISTS thing (x UInt8) ENGINE = TinyLog;\n")
    with connect(settings) as client:
        client.command(f"CREATE DATABASE {settings.database}")
        client.database = settings.database
        client.command("CREATE TABLE migrations_lock (x UInt8) ENGINE = TinyLog")
        monkeypatch.setattr("hailstream.loader.migrations.LOCK_SECONDS", 1)
        assert [m.number for m in migrate(client, settings.database, tmp_path)] == [1]
        assert int(client.command("EXISTS TABLE migrations_lock")) == 0
