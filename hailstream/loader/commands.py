"""`hailstream load clickhouse | redis | migrate`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hailstream.loader.run import SinkFactory

NAMESPACE = typer.Option(None, "--namespace", "-n", help="Instead of HAILSTREAM_NAMESPACE.")


class Database(StrEnum):
    CLICKHOUSE = "clickhouse"
    REDIS = "redis"


def register(app: typer.Typer) -> None:
    """Add the commands of the loaders."""
    load = typer.Typer(help="Load results into ClickHouse and Redis.", no_args_is_help=True)
    app.add_typer(load, name="load", rich_help_panel="Pipeline")

    @load.command()
    def clickhouse(
        until_idle: float = typer.Option(None, min=0, help="End after so many seconds without anything to load."),
        metrics_port: int = typer.Option(None, min=1, max=65535, help="Instead of HAILSTREAM_METRICS_PORT."),
        metrics_host: str = typer.Option("127.0.0.1", help="Address that metrics are served on."),
        namespace: str = NAMESPACE,
    ) -> None:
        """Load all result topics into ClickHouse, about one insert a second and table; Ctrl-C ends it cleanly."""
        _run(Database.CLICKHOUSE, until_idle, metrics_port, metrics_host, namespace)

    @load.command()
    def redis(
        until_idle: float = typer.Option(None, min=0, help="End after so many seconds without anything to load."),
        metrics_port: int = typer.Option(None, min=1, max=65535, help="Instead of one above HAILSTREAM_METRICS_PORT."),
        metrics_host: str = typer.Option("127.0.0.1", help="Address that metrics are served on."),
        namespace: str = NAMESPACE,
    ) -> None:
        """Load newest values, prices, alerts, risks and the last 24 hours into Redis; Ctrl-C ends it cleanly."""
        _run(Database.REDIS, until_idle, metrics_port, metrics_host, namespace)

    @load.command("migrate")
    def migrate_(namespace: str = NAMESPACE) -> None:
        """Bring the ClickHouse database to the newest schema. The loader does the same when it starts."""
        from rich.console import Console

        from hailstream.clickhouse import reachable
        from hailstream.loader.migrations import migrate
        from hailstream.settings import load_settings

        settings = load_settings(namespace=namespace)
        console = Console()
        with reachable(settings) as client:
            applied = migrate(client, settings.database)
        for migration in applied:
            console.print(f"[green]✓[/] {migration.number:04d} {migration.name}")
        if not applied:
            console.print(f"{settings.database} is up to date")


def _run(
    database: Database, until_idle: float | None, metrics_port: int | None, metrics_host: str, namespace: str | None
) -> None:
    import logging
    import sys

    from hailstream.loader.metrics import Metrics
    from hailstream.loader.run import run_loaders
    from hailstream.settings import load_settings
    from hailstream.stop_signals import stop_on_signals

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("hailstream").setLevel(logging.INFO)
    settings = load_settings(namespace=namespace)
    stop = stop_on_signals()
    metrics = Metrics()
    default_port = settings.metrics_port + (1 if database is Database.REDIS else 0)
    stop_serving = metrics.serve(metrics_port or default_port, metrics_host)
    try:
        run_loaders(settings, _factories(database), stop, until_idle=until_idle, metrics=metrics)
    finally:
        stop_serving()


def _factories(database: Database) -> list[SinkFactory]:
    if database is Database.CLICKHOUSE:
        from hailstream.loader.clickhouse_sink import ClickHouseSink

        return [ClickHouseSink]
    from hailstream.loader.redis_alerts import RedisAlertsSink
    from hailstream.loader.redis_now import RedisNowSink
    from hailstream.loader.redis_risk import RedisRiskSink
    from hailstream.loader.redis_series import RedisSeriesSink
    from hailstream.loader.redis_surge import RedisSurgeSink

    return [RedisNowSink, RedisSurgeSink, RedisAlertsSink, RedisSeriesSink, RedisRiskSink]
