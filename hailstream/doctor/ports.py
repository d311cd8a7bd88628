"""The ports of the embedded stack: free, or ours already."""

from __future__ import annotations

import errno
import socket
from collections import defaultdict
from collections.abc import Iterator

from hailstream.doctor.finding import Finding, error, ok
from hailstream.local.ports import owner_of
from hailstream.settings import LOOPBACK, Settings

#: Port setting -> the setting that makes its server an external one ("" = always ours).
PORTS = {
    "kafka_port": "kafka_bootstrap",
    "kafka_controller_port": "kafka_bootstrap",
    "registry_port": "registry_url",
    "registry_management_port": "registry_url",
    "redis_port": "redis_url",
    "clickhouse_port": "clickhouse_url",
    "flink_port": "flink_url",
    "flink_rpc_port": "flink_url",
    "zookeeper_port": "flink_url",
    "metrics_port": "",
}


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Each port that the stack here would listen on; those of external servers are passed over."""
    named = needed_ports(settings)
    for port, names in named.items():
        if len(names) > 1:
            yield error("ports", f"{' and '.join(names)} are both {port}", f"set {names[-1]} to another port")
    free, ours = [], []
    for port, names in named.items():
        problem = _bind_problem(port)
        if not problem:
            free.append(port)
            continue
        owner = owner_of(port)
        if owner and owner.home == str(settings.home_dir):
            ours.append(port)
        elif owner and owner.home:
            found = f"{port} is {problem} by the stack of {owner.home}"
            yield error("ports", found, f"`hailstream down` there, or set {names[0]} to a free port")
        else:
            by = f" by {owner.command} (process {owner.pid})" if owner else ""
            yield error("ports", f"{port} is {problem}{by}", f"end that process, or set {names[0]} to a free port")
    if free:
        yield ok("ports", f"free: {', '.join(map(str, free))}")
    if ours:
        yield ok("ports", f"used by this stack: {', '.join(map(str, ours))}")


def needed_ports(settings: Settings) -> dict[int, list[str]]:
    """Port -> the variables that ask for it."""
    named: dict[int, list[str]] = defaultdict(list)
    for field, external in PORTS.items():
        if field == "zookeeper_port" and settings.flink_ha == "none":
            continue
        if not external or getattr(settings, external) is None:
            named[getattr(settings, field)].append(f"HAILSTREAM_{field.upper()}")
    named[settings.metrics_port + 1].append("HAILSTREAM_METRICS_PORT (one up)")
    return dict(named)


def _bind_problem(port: int) -> str:
    """Why nothing can listen on ``port``; empty if something can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except (OSError, OverflowError) as failure:
            return {errno.EADDRINUSE: "in use", errno.EACCES: "reserved for root"}.get(
                getattr(failure, "errno", None) or 0, f"not usable ({failure})"
            )
    return ""
