"""`hailstream sql` on a real server."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from hailstream import sql_commands
from hailstream.errors import HailstreamError
from hailstream.loader.clickhouse_sink import ClickHouseSink
from hailstream.local.apart import free_ports
from hailstream.settings import Settings
from hailstream.topics import ZONE_REVENUE
from tests.contract.loader.results import revenue, rows_of

QUESTION = "SELECT zone_id, total_sum, avg_fare, window_start FROM zone_revenue ORDER BY zone_id"


@pytest.fixture
def ask(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command's answer in a namespace with two rows of revenue."""
    sink = ClickHouseSink(settings)
    sink.open({})
    sink.write(rows_of(settings, [revenue(1), revenue(2, fares=[])], topic=ZONE_REVENUE))
    monkeypatch.setenv("HAILSTREAM_CLICKHOUSE_PORT", str(settings.clickhouse_port))
    monkeypatch.setenv("HAILSTREAM_NAMESPACE", settings.namespace)
    app = typer.Typer()
    app.callback()(lambda: None)
    sql_commands.register(app)

    def run(*args: str, stdin: str | None = None) -> Any:
        return CliRunner().invoke(app, ["sql", *args], input=stdin)

    return run


def test_json_is_an_array_of_objects_with_exact_numbers(ask: Any) -> None:
    result = ask(QUESTION, "--format", "json")
    assert json.loads(result.stdout) == [
        {"zone_id": 1, "total_sum": 22.50, "avg_fare": 11.25, "window_start": "2013-01-01 00:00:00.000"},
        {"zone_id": 2, "total_sum": 0, "avg_fare": None, "window_start": "2013-01-01 00:00:00.000"},
    ]
    assert '"total_sum":22.50' in result.stdout


def test_csv_begins_with_the_names(ask: Any) -> None:
    assert ask(QUESTION, "--format", "csv").stdout.splitlines()[:2] == [
        '"zone_id","total_sum","avg_fare","window_start"',
        '1,22.50,11.25,"2013-01-01 00:00:00.000"',
    ]


def test_a_table_for_people_ends_with_the_number_of_rows(ask: Any) -> None:
    lines = ask(QUESTION).stdout.splitlines()
    assert any("22.5" in line and "11.25" in line for line in lines)
    assert lines[-1] == "2 rows"


def test_text_in_a_cell_is_not_taken_for_markup(ask: Any) -> None:
    assert "[red]x[/red]" in ask("SELECT '[red]x[/red]' AS text").stdout


def test_a_format_in_the_statement_wins(ask: Any) -> None:
    assert ask("SELECT 1 AS a, 2 AS b FORMAT TSV").stdout == "1\t2\n"


def test_a_statement_without_an_answer_says_ok(ask: Any) -> None:
    assert ask("OPTIMIZE TABLE zone_revenue_raw FINAL;").stdout == "ok\n"


def test_a_dash_reads_the_statement_from_standard_input(ask: Any) -> None:
    assert ask("-", "-f", "csv", stdin="SELECT 7 AS n;\n").stdout == '"n"\n7\n'


@pytest.mark.parametrize(
    ("args", "message", "exit_code"),
    [
        (["SELEC 1"], "Syntax error", 1),
        (["SELECT * FROM nothing"], "nothing", 1),
        (["SELECT 1", "--namespace", "nowhere"], "no database hailstream_nowhere", 1),
        ([" ;"], "no statement", 2),
        (["SELECT 1", "--namespace", "No such"], "HAILSTREAM_NAMESPACE", 2),
    ],
)
def test_an_error_names_what_is_wrong(ask: Any, args: list[str], message: str, exit_code: int) -> None:
    error = ask(*args).exception
    assert isinstance(error, HailstreamError)
    assert message in error.message
    assert error.exit_code == exit_code


def test_a_server_that_is_away_is_named_with_what_to_do(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_ports(1)[0]
    monkeypatch.setenv("HAILSTREAM_CLICKHOUSE_PORT", str(port))
    error = ask("SELECT 1").exception
    assert isinstance(error, HailstreamError)
    assert str(port) in error.message
    assert "Connection refused" in error.message
    assert "hailstream up" in error.hint
