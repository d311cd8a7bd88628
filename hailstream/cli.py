"""The ``hailstream`` command: one Typer app, each group in the package it serves."""

from __future__ import annotations

import sys
from importlib import import_module

import typer
from rich.console import Console

from hailstream import __version__
from hailstream.errors import HailstreamError

# In the order of `hailstream --help`.
COMMANDS = (
    "hailstream.local.commands",
    "hailstream.schemas_commands",
    "hailstream.replay.commands",
    "hailstream.replay.fetch_commands",
    "hailstream.jobs.commands",
    "hailstream.loader.commands",
    "hailstream.surge.commands",
    "hailstream.forecast.commands",
    "hailstream.opportunities.commands",
    "hailstream.archive.commands",
    "hailstream.batch.commands",
    "hailstream.kappa.commands",
    "hailstream.evaluate.commands",
    "hailstream.sql_commands",
    "hailstream.demo.commands",
    "hailstream.doctor_commands",
    "hailstream.settings_commands",
)

app = typer.Typer(
    name="hailstream",
    help="Taxi events in; live zone demand, surge prices and fraud alerts out.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals may hold secrets
)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"hailstream {__version__}")
        raise typer.Exit


def _register_groups() -> None:
    for package in COMMANDS:
        import_module(package).register(app)


def main() -> None:
    """Run the command; a HailstreamError becomes its message, hint and exit code."""
    try:
        _register_groups()
        app()
    except HailstreamError as error:
        console = Console(stderr=True)
        console.print(f"error: {error.message}", style="bold red", markup=False, highlight=False)
        if error.hint:
            console.print(f"hint: {error.hint}", markup=False, highlight=False)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
