"""``hailstream settings`` shows everything but secrets, and works when a setting is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from hailstream import settings_commands
from hailstream.settings import Settings
from hailstream.settings_report import given_variables, unknown_variables


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("HAILSTREAM_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Any:
    app = typer.Typer()
    settings_commands.register(app)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "250"})


def shown() -> dict[str, dict[str, Any]]:
    return {row["variable"]: row for row in json.loads(run("--json").stdout)["settings"]}


def test_every_setting_is_listed_with_its_default() -> None:
    rows = shown()
    assert set(rows) == {f"HAILSTREAM_{name.upper()}" for name in Settings.model_fields}
    assert (rows["HAILSTREAM_KAFKA_PORT"]["value"], rows["HAILSTREAM_KAFKA_PORT"]["is_set"]) == ("29092", False)


def test_no_secret_is_shown_neither_right_nor_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert len(secrets) >= 4
    for name in secrets:
        monkeypatch.setenv(f"HAILSTREAM_{name.upper()}", f"redis://joe:hush-{name}@cache/0")
    monkeypatch.setenv("HAILSTREAM_CLICKHOUSE_URL", "http://joe:hush-4@store:8123")
    right = run().stdout + run("--json").stdout
    monkeypatch.setenv("HAILSTREAM_KAFKA_PORT", "none")
    wrong = run().stdout + run("--json").stdout
    assert "store:8123" in right
    assert "store:8123" in wrong
    assert "hush" not in right + wrong


def test_a_wrong_setting_is_shown_with_its_reason_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAILSTREAM_KAFKA_PORT", "99999")
    monkeypatch.setenv("HAILSTREAM_PARALLELISM", "3")
    result = run("--json")
    rows = {row["variable"]: row for row in json.loads(result.stdout)["settings"]}
    assert result.exit_code == 2
    assert rows["HAILSTREAM_KAFKA_PORT"]["value"] == "99999"
    assert "65535" in rows["HAILSTREAM_KAFKA_PORT"]["problem"]
    assert (rows["HAILSTREAM_PARALLELISM"]["value"], rows["HAILSTREAM_PARALLELISM"]["problem"]) == ("3", "")
    assert "wrong:" in run().stdout


def test_the_env_file_counts_and_the_environment_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("HAILSTREAM_PARALLELISM=3\nHAILSTREAM_TASK_SLOTS=9\nOTHER=1\n")
    monkeypatch.setenv("HAILSTREAM_PARALLELISM", "4")
    rows = shown()
    assert (rows["HAILSTREAM_PARALLELISM"]["value"], rows["HAILSTREAM_TASK_SLOTS"]["value"]) == ("4", "9")
    assert given_variables() == {"HAILSTREAM_PARALLELISM": "4", "HAILSTREAM_TASK_SLOTS": "9"}
    assert {row["variable"] for row in json.loads(run("--json", "--changed").stdout)["settings"]} == set(
        given_variables()
    )


def test_a_variable_that_is_no_setting_is_told_with_the_likely_one() -> None:
    given = ["HAILSTREAM_KAFKA_BOOTSTRAPS", "HAILSTREAM_QQQ", "HAILSTREAM_NAMESPACE"]
    assert unknown_variables(given) == {
        "HAILSTREAM_KAFKA_BOOTSTRAPS": "HAILSTREAM_KAFKA_BOOTSTRAP",
        "HAILSTREAM_QQQ": "",
    }
