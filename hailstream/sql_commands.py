"""`hailstream sql`: ask ClickHouse from the shell."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from hailstream.settings import Settings


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


# What the server is asked for; only statements that answer with rows have a format.
_SERVER_FORMATS = {Format.TABLE: "JSONCompact", Format.JSON: "JSONEachRow", Format.CSV: "CSVWithNames"}
_SETTINGS = {
    # One JSON array, numbers as numbers with all their digits.
    "output_format_json_array_of_rows": 1,
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 0,
    "output_format_decimal_trailing_zeros": 1,
}
_OWN_FORMAT = re.compile(r"\bFORMAT\s+\w+\s*(SETTINGS\b[^;]*)?;?\s*$", re.IGNORECASE)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="Pipeline")
    def sql(
        statement: str = typer.Argument(help='One statement, e.g. "SELECT * FROM zone_counts LIMIT 5"; - reads it.'),
        output: Format = typer.Option(Format.TABLE, "--format", "-f", help="How rows are printed."),
        namespace: str = typer.Option(None, "--namespace", "-n", help="Instead of HAILSTREAM_NAMESPACE."),
    ) -> None:
        """Ask ClickHouse. Tables without suffix show the newest version of each row; see docs/tables.md."""
        from hailstream.settings import load_settings

        text = sys.stdin.read() if statement == "-" else statement
        settings = load_settings(namespace=namespace)
        answer = ask(settings, text, output)
        if output is Format.TABLE and not _OWN_FORMAT.search(text):
            _print_table(answer)
        else:
            sys.stdout.buffer.write(answer if not answer or answer.endswith(b"\n") else answer + b"\n")
            sys.stdout.flush()


def ask(settings: Settings, statement: str, output: Format) -> bytes:
    """The server's answer to one statement in the namespace's database.

    A ``FORMAT`` of the statement's own wins over ``output``.

    Raises:
        HailstreamError: no statement, no server, no such database, or the server's refusal.
    """
    from hailstream.clickhouse import reachable
    from hailstream.errors import HailstreamError

    text = statement.strip().rstrip(";").rstrip()
    if not text:
        raise HailstreamError("no statement given", hint='hailstream sql "SHOW TABLES"', exit_code=2)
    with reachable(settings) as client:
        if not int(
            client.command("SELECT count() FROM system.databases WHERE name = {n:String}", {"n": settings.database})
        ):
            raise HailstreamError(
                f"ClickHouse has no database {settings.database} (namespace {settings.namespace})",
                hint="`hailstream load migrate` makes it; --namespace names another",
            )
        client.database = settings.database
        answer: bytes = client.raw_query(text, settings=_SETTINGS | {"default_format": _SERVER_FORMATS[output]})
        return answer


def _print_table(answer: bytes) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not answer.strip():
        console.print("ok")
        return
    result: dict[str, Any] = json.loads(answer)
    table = Table(header_style="bold")
    for column in result["meta"]:
        number = re.search(r"Int|Float|Decimal", column["type"]) is not None
        table.add_column(column["name"], justify="right" if number else "left", overflow="fold")
    for row in result["data"]:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table, markup=False)
    rows = len(result["data"])
    console.print(f"{rows} row{'s' if rows != 1 else ''}", style="dim")
