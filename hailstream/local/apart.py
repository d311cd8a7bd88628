"""Settings of a stack that stands apart: for tests and benchmarks, beside whatever runs on this machine."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from hailstream.local.jars import ensure_jars
from hailstream.settings import LOOPBACK, Settings

_EXTERNAL: Final = ("kafka_bootstrap", "registry_url", "redis_url", "clickhouse_url", "flink_url", "archive")
# Below the range from which connections get theirs.
_FIRST, _LAST = 20_000, 32_000


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, outside the range from which connections get theirs."""
    with ExitStack() as probes:
        ports: list[int] = []
        candidate = _FIRST + secrets.randbelow(_LAST - _FIRST)
        while len(ports) < count:
            candidate = candidate + 1 if candidate < _LAST else _FIRST
            probe = probes.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind((LOOPBACK, candidate))
                ports.append(candidate)
        return ports


def settings_apart(home: Path, **changes: object) -> Settings:
    """Settings in ``home`` on free ports, embedded throughout whatever the environment names."""
    names = [name for name in Settings.model_fields if name.endswith("_port")]
    values: dict[str, Any] = dict(zip(names, free_ports(len(names)), strict=True))
    values |= dict.fromkeys(_EXTERNAL) | {"home": home} | changes
    return Settings(_env_file=None, **values)


def link_parts(home: Path, parts: Path) -> None:
    """Let ``home`` use the JVM parts below ``parts``, which are brought once.

    Raises:
        HailstreamError: they cannot be had.
    """
    ensure_jars(parts)
    home.mkdir(parents=True, exist_ok=True)
    for name in ("jars", "apicurio"):
        if not (home / name).exists():
            (home / name).symlink_to(parts / name)
