"""A stack of its own for a benchmark: free ports, a temporary folder, nothing left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bench.sampler import Processes
from hailstream.local.apart import link_parts, settings_apart
from hailstream.local.processes import of_stack
from hailstream.local.stack import Stack
from hailstream.settings import Settings

# What a command line holds, and what we call the process.
_KINDS = (
    ("kafka.Kafka", "Kafka"),
    ("quarkus-run.jar", "registry"),
    ("StandaloneSessionClusterEntrypoint", "Flink JobManager"),
    ("TaskManagerRunner", "Flink TaskManager"),
    ("pyflink.fn_execution", "Python workers"),
    ("redis-server", "Redis"),
    ("hailstream.local.clickhouse_server", "ClickHouse"),
    ("bench.paced", "event source"),
)


@contextmanager
def temporary_stack(parts: Path) -> Iterator[Settings]:
    """Settings of a whole running stack; it and its data are gone afterwards.

    Args:
        parts: home folder that has the JVM parts, or gets them.

    Raises:
        HailstreamError: a server does not start.
    """
    # Not below the checkout: a unix socket's path may not be long.
    home = Path(tempfile.mkdtemp(prefix="hs-bench-"))
    link_parts(home, parts)
    # Job city is the two windowed metrics, which other engines can be held against; `whole` measures all of it.
    settings = settings_apart(home, city_jobs="zone_counts,revenue")
    stack = Stack(settings)
    try:
        stack.up()
        yield settings
    finally:
        stack.down()
        shutil.rmtree(home, ignore_errors=True)


def processes_of(home: Path) -> Processes:
    """The stack's processes by kind."""
    found: dict[str, list[psutil.Process]] = {}
    for process in of_stack(home):
        with suppress(psutil.Error):
            found.setdefault(kind_of(process.cmdline()), []).append(process)
    return found


def kind_of(command: list[str]) -> str:
    """What we call a process with this command line."""
    line = " ".join(command)
    for part, kind in _KINDS:
        if part in line:
            return kind
    if "hailstream.cli load" in line:
        return f"{command[command.index('load') + 1]} loader"
    return "other"
