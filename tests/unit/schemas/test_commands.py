from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hailstream.errors import HailstreamError
from hailstream.schemas import PREVIOUS_DIR
from hailstream.schemas_commands import register
from hailstream.topics import ALL_TOPICS


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PREVIOUS_DIR, tmp_path / "previous"))


def run(*arguments: str) -> tuple[str, BaseException | None]:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["schemas", *arguments], env={"COLUMNS": "200"})
    return result.output, result.exception


def test_the_committed_schemas_pass_the_check() -> None:
    output, error = run("check")
    assert error is None
    assert output.count("compatible") == len(ALL_TOPICS)


def test_a_topic_without_a_previous_version_is_new(previous: Path) -> None:
    (previous / "results" / "late.avsc").unlink()
    output, error = run("check", "--previous", str(previous))
    assert error is None
    assert [line.split()[-2] for line in output.splitlines() if "results/late" in line] == ["new"]


def test_the_check_fails_naming_schema_and_field(previous: Path) -> None:
    path = previous / "events" / "trip_ended.avsc"
    definition = json.loads(path.read_text())
    definition["fields"] = [field for field in definition["fields"] if field["name"] != "started_at"]
    path.write_text(json.dumps(definition))
    _, error = run("check", "--previous", str(previous))
    assert isinstance(error, HailstreamError)
    assert "events/trip_ended: field started_at: is new and has no default" in error.message
