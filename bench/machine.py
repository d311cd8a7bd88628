"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from hailstream.local.jars import CHECKOUT, read_lock
from hailstream.local.java import java

PACKAGES = ("hailstream", "apache-flink", "chdb", "confluent-kafka", "numpy", "polars", "pandas", "pyarrow")


def describe() -> dict[str, str]:
    """Machine, load and versions, as a person would name them."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    facts = {
        "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "load before": f"{load} (1, 5, 15 minutes)",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}, Java {_java()}",
        "commit": _commit(),
    }
    names = {part.artifact: part.version for part in read_lock()}
    facts["Kafka"] = names["kafka_2.13"]
    return facts | {name: found for name in PACKAGES if (found := _version(name))}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _java() -> str:
    shown = subprocess.run(java("-version"), capture_output=True, text=True, check=False).stderr
    return shown.partition('"')[2].partition('"')[0]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
