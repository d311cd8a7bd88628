"""``hailstream forecast learn`` where there is no ClickHouse."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from hailstream.errors import HailstreamError
from hailstream.forecast.commands import register

#: Nothing listens there.
NOWHERE = {"HAILSTREAM_CLICKHOUSE_URL": "http://127.0.0.1:1"}


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["forecast", *arguments], env=NOWHERE)


def test_a_server_that_is_away_is_named() -> None:
    result = run("learn")
    assert isinstance(result.exception, HailstreamError)
    assert "ClickHouse at http://127.0.0.1:1 cannot be reached" in result.exception.message


@pytest.mark.parametrize(
    ("arguments", "says"), [(["--every", "often"], "--every often"), (["--namespace", "No"], "NAMESPACE")]
)
def test_a_wrong_option_is_refused(arguments: list[str], says: str) -> None:
    result = run("learn", *arguments)
    assert isinstance(result.exception, HailstreamError)
    assert says in result.exception.message
    assert result.exception.exit_code == 2


def test_learning_again_and_again_goes_on_without_a_server_and_ends_when_asked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hailstream.cli", "forecast", "learn", "--every", "1h"]
    environment = os.environ | NOWHERE
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    assert "trying again in 3600 s: ClickHouse at http://127.0.0.1:1 cannot be reached" in line
    assert rest == ""
    assert process.returncode == 0
