"""``hailstream settings``: every setting, its variable, value, default and meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hailstream.settings_report import Row


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("settings", rich_help_panel="Help")(show_settings)


def show_settings(
    as_json: bool = typer.Option(False, "--json", help="Print JSON instead of a table."),
    changed: bool = typer.Option(False, "--changed", help="Only what differs from the defaults."),
) -> None:
    """List all settings; secrets are masked. Exits with 2 if one of them is wrong."""
    import json
    from dataclasses import asdict

    from hailstream.settings_report import given_variables, settings_rows, unknown_variables

    given = given_variables()
    rows = [row for row in settings_rows(given) if row.is_set or not changed]
    unknown = unknown_variables(given)
    if as_json:
        typer.echo(json.dumps({"settings": [asdict(row) for row in rows], "unknown": unknown}, indent=2))
    else:
        _print_table(rows, unknown)
    if any(row.problem for row in rows):
        raise typer.Exit(2)


def _print_table(rows: list[Row], unknown: dict[str, str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table("variable", "value", "meaning", title="Settings, from the environment and .env", box=box.SIMPLE)
    table.columns[0].no_wrap = True
    for row in rows:
        value = Text(row.value, "bold red" if row.problem else "bold green" if row.is_set else "dim")
        if row.is_set:
            value.append(f"\ndefault: {row.default or 'none'}", "dim")
        meaning = Text(f"wrong: {row.problem}", "red") if row.problem else Text(row.description)
        table.add_row(row.variable, value, meaning)
    console.print(table)
    for name, close in unknown.items():
        meant = f"; did you mean {close}?" if close else ""
        console.print(f"{name} is no setting and has no effect{meant}", style="yellow", markup=False, highlight=False)
