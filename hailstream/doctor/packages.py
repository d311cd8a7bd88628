"""Python itself, and the packages: those that the lock file names, and that they load."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hailstream.doctor.finding import Finding, error, ok, warning
from hailstream.settings import Settings

LOCK_FILE = Path(__file__).resolve().parents[2] / "requirements" / "all.lock"
#: Those with native code of their own: installed, they may still not load on a machine.
LIBRARIES = ("chdb", "confluent_kafka", "duckdb", "numpy", "pandas", "polars", "pyarrow", "pyflink.table")
IMPORT_SECONDS = 120
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+))?")


def check_python(_: Settings) -> Iterator[Finding]:
    """The version that Flink's Python and the lock file are made for."""
    found = f"{sys.version.split()[0]} at {sys.executable}"
    if sys.version_info[:2] == (3, 11):
        yield ok("python", found)
    else:
        yield error("python", found, "Python 3.11 is needed: `make setup PYTHON=/path/to/python3.11`")


def locked_versions(lock: str) -> dict[str, str]:
    """Name and version of each package that a lock file asks for on this machine."""
    from packaging.markers import Marker

    pins = filter(None, map(_PIN.match, lock.splitlines()))
    return {p["name"]: p["version"] for p in pins if not p["marker"] or Marker(p["marker"].strip()).evaluate()}


def check_packages(_: Settings, lock_file: Path = LOCK_FILE) -> Iterator[Finding]:
    """Each installed package has the version of the lock file."""
    if not lock_file.is_file():
        yield ok("packages", "not a checkout of the project: no lock file to compare with")
        return
    wanted = locked_versions(lock_file.read_text())
    missing, other = [], []
    for name, wanted_version in wanted.items():
        try:
            if (installed := version(name)) != wanted_version:
                other.append(f"{name} {installed} instead of {wanted_version}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield error("packages", f"not installed: {_some(missing)}", "`make setup`")
    if other:
        yield warning("packages", f"not as locked: {_some(other)}", "`make setup` brings the tested versions")
    if not missing and not other:
        yield ok("packages", f"{len(wanted)} as locked")


def check_libraries(_: Settings, libraries: tuple[str, ...] = LIBRARIES) -> Iterator[Finding]:
    """Each library loads, tried in a process of its own: one that crashes takes nothing along."""
    with ThreadPoolExecutor(2) as pool:
        problems = dict(zip(libraries, pool.map(_import_problem, libraries), strict=True))
    for name, problem in problems.items():
        if problem:
            yield error("libraries", f"{name} does not load: {problem}", "`make clean-all`, then `make setup`")
    if not any(problems.values()):
        yield ok("libraries", f"{', '.join(name.partition('.')[0] for name in libraries)} load")


def _import_problem(module: str) -> str:
    command = [sys.executable, "-c", f"import {module}"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"not within {IMPORT_SECONDS} s"
    if tried.returncode < 0:
        return f"its process was ended by signal {-tried.returncode}"
    return (tried.stderr.strip().splitlines() or ["no message"])[-1] if tried.returncode else ""


def _some(names: list[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
