"""``hailstream jobs``: run, list, stop, savepoint, cancel, recover, keep."""

from __future__ import annotations

import json
from typing import Annotated

import typer

Name = Annotated[
    str, typer.Argument(help="city, or one of its parts: zone_counts, revenue, trips, surge, anomalies, forecast")
]
Namespace = Annotated[str | None, typer.Option(help="prefix of topics and of all that the job names")]
Horizon = Annotated[str | None, typer.Option(help="declared end of a replay, ISO time in UTC")]
Parallelism = Annotated[int | None, typer.Option(help="of every operator")]
Generation = Annotated[int | None, typer.Option(help="of the metric definitions")]


def register(app: typer.Typer) -> None:
    """Add the group ``jobs`` to the command line."""
    group = typer.Typer(help="Run Flink jobs and stop them.", no_args_is_help=True)
    for command in (run, list_jobs, stop, savepoint, cancel, recover, keep):
        group.command(command.__name__.replace("list_jobs", "list"))(command)
    app.add_typer(group, name="jobs")


def run(
    name: Name,
    namespace: Namespace = None,
    from_savepoint: Annotated[str | None, typer.Option(help="URI of a savepoint or checkpoint to go on from")] = None,
    horizon: Horizon = None,
    parallelism: Parallelism = None,
    generation: Generation = None,
) -> None:
    """Submit a job; refuse it when another already writes its results."""
    from hailstream.jobs.catalog import find_job
    from hailstream.jobs.submit import submit_job
    from hailstream.settings import load_settings

    settings = load_settings(namespace=namespace, horizon=horizon, parallelism=parallelism, generation=generation)
    job_id = submit_job(find_job(name, settings), settings, savepoint=from_savepoint)
    typer.echo(f"{name} runs as {job_id}: {settings.flink_address}/#/job/running/{job_id}")


def list_jobs(as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """List the jobs that the cluster knows, newest first, and why they failed last."""
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    from hailstream.jobs.flink_rest import FlinkRest
    from hailstream.settings import load_settings

    rest = FlinkRest(load_settings())
    rows = [
        {
            "job": job.name,
            "id": job.job_id,
            "state": job.state,
            "started": datetime.fromtimestamp(job.started_ms / 1000, UTC).isoformat(timespec="seconds"),
            "restarts": rest.restarts(job.job_id) if job.is_active else None,
            "last failure": rest.last_failure(job.job_id) or None,
        }
        for job in rest.jobs()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("job", "id", "state", "started (UTC)", "restarts", "last failure")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


def stop(
    name: Name,
    namespace: Namespace = None,
    drain: Annotated[bool, typer.Option("--drain", help="close all windows first; the job then is at its end")] = False,
) -> None:
    """Stop a job with a savepoint, its results committed."""
    from hailstream.jobs.lifecycle import stop_job
    from hailstream.settings import load_settings

    typer.echo(f"stopped; go on by: hailstream jobs run {name} --from-savepoint "
               f"{stop_job(name, load_settings(namespace=namespace), drain=drain)}")  # fmt: skip


def savepoint(name: Name, namespace: Namespace = None) -> None:
    """Take a savepoint of a running job, which goes on."""
    from hailstream.jobs.lifecycle import savepoint_job
    from hailstream.settings import load_settings

    typer.echo(savepoint_job(name, load_settings(namespace=namespace)))


def cancel(name: Name, namespace: Namespace = None) -> None:
    """Cancel a job without a savepoint; results since its last checkpoint are rolled back."""
    from hailstream.jobs.lifecycle import cancel_job
    from hailstream.settings import load_settings

    cancel_job(name, load_settings(namespace=namespace))
    typer.echo("cancelled")


def recover(
    name: Name,
    namespace: Namespace = None,
    horizon: Horizon = None,
    parallelism: Parallelism = None,
    generation: Generation = None,
) -> None:
    """Start a job from the newest checkpoint that its last run left, after its cluster lost it."""
    from hailstream.jobs.catalog import find_job
    from hailstream.jobs.recovery import recover_job
    from hailstream.settings import load_settings

    settings = load_settings(namespace=namespace, horizon=horizon, parallelism=parallelism, generation=generation)
    job_id, checkpoint = recover_job(find_job(name, settings), settings)
    typer.echo(f"{name} goes on as {job_id} from {checkpoint}")


def keep(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="jobs that run, e.g. city")],
    namespace: Namespace = None,
    horizon: Horizon = None,
    parallelism: Parallelism = None,
    generation: Generation = None,
) -> None:
    """Watch over running jobs: recover each that the cluster forgets. Ctrl-C ends the watch, not the jobs."""
    from hailstream.jobs.catalog import find_job
    from hailstream.jobs.recovery import Keeper
    from hailstream.settings import load_settings
    from hailstream.stop_signals import stop_on_signals

    settings = load_settings(namespace=namespace, horizon=horizon, parallelism=parallelism, generation=generation)
    stop = stop_on_signals()
    Keeper([find_job(name, settings) for name in names], settings, lambda line: typer.echo(line, err=True)).run(stop)
