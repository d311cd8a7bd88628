"""The ClickHouse engine behind an HTTP server of ClickHouse's protocol."""

from __future__ import annotations

import sys

from hailstream.local.jars import Jars
from hailstream.local.server import NotReadyError, Server, Service, get
from hailstream.settings import LOOPBACK, Settings


def server(settings: Settings, _jars: Jars) -> Server:
    """The embedded ClickHouse."""
    data = settings.home_dir / "data" / "clickhouse"
    return Server(
        name="clickhouse",
        command=(
            sys.executable,
            "-m",
            "hailstream.local.clickhouse_server",
            "--host",
            LOOPBACK,
            "--port",
            str(settings.clickhouse_port),
            "--path",
            str(data),
        ),
        ports={"HAILSTREAM_CLICKHOUSE_PORT": settings.clickhouse_port},
        data=data,
        check=lambda: check(settings),
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
        expiry=60.0,
        settle=5,
        stop_wait=20,
    )


def check(settings: Settings) -> None:
    """Raise NotReadyError unless ``/ping`` is answered by ``Ok.``"""
    answer = get(f"{settings.clickhouse_address.rstrip('/')}/ping", ca_file=settings.clickhouse_ca_file).text
    if answer.strip() != "Ok.":
        raise NotReadyError("answers, but not as ClickHouse")


SERVICE = Service(
    name="clickhouse",
    external=lambda settings: settings.clickhouse_url,
    check=check,
    servers=lambda settings, jars: (server(settings, jars),),
    needs_jars=False,
)
