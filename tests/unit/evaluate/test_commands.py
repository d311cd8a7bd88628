"""``hailstream evaluate`` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from hailstream.errors import HailstreamError
from hailstream.evaluate import alerts as of_alerts
from hailstream.evaluate.commands import register
from hailstream.replay.simulator.ledger import COLUMNS
from tests.unit.evaluate.test_files import FAST, HEADER

LEDGER = "\n".join(
    (
        ",".join(COLUMNS),
        "speed,speed,aa,trips.ended.v1,2024-03-01T23:00:00.000Z,0,90 mph,implausible_speed,90,,",
        "speed,speed,bb,trips.ended.v1,2024-03-01T23:00:00.000Z,0,70 mph,,70,,\n",
    )
)


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["evaluate", *arguments])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "x.csv", "--table"], "--data and --table"),
        (["--data", "x.csv", "--seeds", "3"], "--seeds means nothing with --data"),
        (["--data", "x.csv", "--ledger", "l.csv"], "--ledger means nothing with --data"),
        (["--table", "--ledger", "l.csv", "--rate", "3"], "--rate means nothing with --table"),
        (["--ledger", "l.csv"], "--ledger means nothing with simulated cities"),
        (["--namespace", "demo"], "--namespace means nothing with simulated cities"),
        (["--table"], "--table needs the ledger"),
        (["--table", "--ledger", "no/ledger.csv"], "no/ledger.csv cannot be read"),
        (["--seeds", "x"], "--seeds x"),
        (["--minutes", "-1"], "minutes=-1"),
        (["--rate", "0"], "rate=0"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], says: str) -> None:
    result = run("alerts", *arguments)
    assert isinstance(result.exception, HailstreamError)
    assert says in result.exception.message
    assert result.exception.exit_code == 2
    assert result.exception.hint


def test_files_that_agree_end_with_0(tmp_path: Path) -> None:
    path = tmp_path / "trips.csv"
    path.write_text(f"{HEADER}\n{FAST}\n")
    result = run("alerts", "--data", str(path))
    assert result.exit_code == 0, result.output
    assert "0 alerts differ" in result.output


def test_a_log_too_short_for_a_rule_ends_with_1_and_says_so() -> None:
    result = run("alerts", "--seeds", "3", "--minutes", "20", "--rate", "2")
    assert result.exit_code == 1, result.output
    [untested] = [line for line in result.output.splitlines() if line.startswith("not put to the test: ")]
    assert "ride_open_too_long" in untested
    assert "implausible_speed" not in untested
    assert "seeds 3: " in result.output


def test_the_table_is_scored_against_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = tmp_path / "ledger.csv"
    ledger.write_text(LEDGER)
    found = {"implausible_speed": {("aa", None), ("bb", None)}}
    monkeypatch.setattr(of_alerts, "loaded_alerts", lambda _: found)
    result = run("alerts", "--table", "--ledger", str(ledger))
    assert result.exit_code == 1
    assert "false implausible_speed: bb; speed: 70 mph" in result.output
    assert "0.5000" in result.output


def test_an_empty_table_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = tmp_path / "ledger.csv"
    ledger.write_text(LEDGER)
    monkeypatch.setattr(of_alerts, "loaded_alerts", lambda _: {})
    result = run("alerts", "--table", "--ledger", str(ledger), "--namespace", "demo")
    assert isinstance(result.exception, HailstreamError)
    assert "hailstream_demo.alerts is empty" in result.exception.message


def test_the_forecast_is_evaluated_in_the_same_group() -> None:
    result = run("forecast", "--help")
    assert result.exit_code == 0
