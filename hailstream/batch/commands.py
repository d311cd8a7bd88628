"""``hailstream batch``: the jobs of ``batch/``, in this process, on a local Spark."""

from __future__ import annotations

from importlib import import_module

import typer

#: Jobs by name; each is a file of ``batch/`` with a ``main``.
JOBS = {
    "backfill": "Write monthly files of trips into the archive, and what they say into ClickHouse.",
    "reconcile": "Recompute windows and trips from the archive, compare with ClickHouse, correct, report.",
    "curate": "Make tables for analysts from the archive, check them, publish them.",
}

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(app: typer.Typer) -> None:
    """Add the group ``batch``."""
    group = typer.Typer(help="Run batch jobs on a local Spark; `spark-submit batch/JOB.py` runs them on any.")
    for name, told in JOBS.items():
        _add(group, name, told)
    app.add_typer(group, name="batch", no_args_is_help=True, rich_help_panel="Pipeline")


def _add(group: typer.Typer, name: str, told: str) -> None:
    @group.command(name, help=told, context_settings=_PASSED_ON)
    def run(context: typer.Context) -> None:
        raise typer.Exit(import_module(f"batch.{name}").main(context.args))
