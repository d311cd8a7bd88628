"""The migration files themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.loader.migrations import read_migrations, split_statements
from hailstream.topics import RESULT_TOPICS


def test_every_statement_can_be_repeated_without_harm() -> None:
    for migration in read_migrations():
        for statement in migration.statements:
            code = "\n".join(line for line in statement.splitlines() if not line.strip().startswith("--"))
            assert code.strip().startswith(("CREATE TABLE IF NOT EXISTS", "CREATE OR REPLACE VIEW")), code[:60]


def test_every_table_keeps_the_newest_version_and_is_not_partitioned_by_anything_but_its_key() -> None:
    tables = [s for m in read_migrations() for s in m.statements if "_raw\n(" in s]
    assert len(tables) == len(RESULT_TOPICS)
    for table in tables:
        assert "ENGINE = ReplacingMergeTree(version, is_deleted)" in table
        assert "non_replicated_deduplication_window" in table
        assert "TTL" not in table
        by_key = [f"PARTITION BY toYYYYMM({column})" for column in ("window_start", "window_end")]
        assert "PARTITION BY" not in table or any(partition in table for partition in by_key)


def test_a_semicolon_in_a_comment_ends_no_statement() -> None:
    text = "-- one;\nCREATE a; -- not at the end\nx;\n\n-- two;\nCREATE b;\n-- the end;\n"
    assert list(split_statements(text)) == ["-- one;\nCREATE a; -- not at the end\nx", "-- two;\nCREATE b"]


@pytest.mark.parametrize(
    "names", [["0001_a.sql", "0003_b.sql"], ["0002_a.sql"], ["1_a.sql"], ["0001_a.sql", "0001_b.sql"]]
)
def test_a_gap_a_double_or_a_wrong_name_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;\n")
    with pytest.raises(HailstreamError):
        read_migrations(tmp_path)
