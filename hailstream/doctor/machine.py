"""The machine: disk, memory, cores, open files, clock, and the length of the home folder's path."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from hailstream.doctor.finding import Finding, error, ok, warning
from hailstream.settings import Settings

GIB = 2**30
DISK_LEAST, DISK_GOOD = 2 * GIB, 10 * GIB
MEMORY_LEAST, MEMORY_GOOD = 4 * GIB, 6 * GIB
CORES_GOOD = 2
FILES_LEAST, FILES_GOOD = 1024, 4096
#: A clock that shows an earlier day is wrong.
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
#: Bytes of a Unix socket's address, the ending zero included.
SOCKET_PATH_MOST = 104 if sys.platform == "darwin" else 108
#: The process manager's socket below the home folder, with the ending it has while it is made.
SOCKET_NAME = "run/supervisor.sock.1234567"
CGROUP = Path("/sys/fs/cgroup")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Space and the right to write where the home folder is or will be."""
    home = settings.home_dir
    existing = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    found = f"{free / GIB:.1f} GB free at {existing}"
    if not os.access(existing, os.W_OK):
        yield error("disk", f"{existing} cannot be written", "change its owner, or set HAILSTREAM_HOME")
    elif free < DISK_LEAST:
        yield error("disk", found, "free some, or set HAILSTREAM_HOME to a folder on a larger disk")
    elif free < DISK_GOOD:
        yield warning("disk", found, "enough for the demo; a month of trips needs about 10 GB")
    else:
        yield ok("disk", found)


def check_memory(_: Settings) -> Iterator[Finding]:
    """Memory of the machine or of the container, whichever is less."""
    machine = psutil.virtual_memory()
    limit = memory_limit()
    total = min(machine.total, limit or machine.total)
    free = min(machine.available, total)
    kind = "of this container" if limit and limit < machine.total else "in all"
    found = f"{total / GIB:.1f} GB {kind}, {free / GIB:.1f} GB available"
    if total < MEMORY_LEAST:
        yield error("memory", found, "the embedded stack needs 4 GB: a larger machine, or external servers")
    elif free < MEMORY_LEAST or total < MEMORY_GOOD:
        yield warning("memory", found, "the embedded stack wants about 4 GB: end other programs")
    else:
        yield ok("memory", found)


def check_cores(_: Settings) -> Iterator[Finding]:
    """Cores this process may use, a container's quota included."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = min(float(allowed), cpu_quota() or allowed)
    if cores < CORES_GOOD:
        yield warning("cores", f"{cores:g}", "it runs, slowly; set HAILSTREAM_PARALLELISM=1")
    else:
        yield ok("cores", f"{cores:g}")


def check_open_files(_: Settings) -> Iterator[Finding]:
    """The limit on open files that a process may raise itself to (the hard one)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reach = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    found = f"limit {soft}, can be raised to {'any number' if reach == sys.maxsize else reach}"
    if reach < FILES_LEAST:
        yield error("open files", found, "`ulimit -Hn 65536` as root, or LimitNOFILE / --ulimit of the container")
    elif reach < FILES_GOOD:
        yield warning("open files", found, "enough for few partitions; for more raise it to 65536")
    else:
        yield ok("open files", found)


def check_clock(_: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """The clock is not in the past, and New York's time zone is known."""
    now = now or datetime.fromtimestamp(time.time(), UTC)
    # Nothing can have been written later than now; a minute for file servers.
    written = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    if now < RELEASED or (written - now).total_seconds() > 60:
        found = f"{now:%Y-%m-%d %H:%M} UTC is earlier than {max(RELEASED, written):%Y-%m-%d %H:%M}, so it is wrong"
        yield error("clock", found, "set the clock (`timedatectl set-ntp true`): events of the future are refused")
    else:
        local = now.astimezone(ZoneInfo("America/New_York"))
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, {local:%H:%M} in New York")


def check_socket_path(settings: Settings) -> Iterator[Finding]:
    """The process manager listens on a Unix socket in the home folder; its path has a limit."""
    length = len(os.fsencode(settings.home_dir / SOCKET_NAME)) + 1
    if length > SOCKET_PATH_MOST:
        found = (
            f"{settings.home_dir} is {length - SOCKET_PATH_MOST} bytes too long for a Unix socket: it is put in /tmp"
        )
        yield warning("socket path", found, "where /tmp is swept, set HAILSTREAM_HOME to a shorter path")
    else:
        yield ok("socket path", f"{length} of {SOCKET_PATH_MOST} bytes")


def memory_limit(root: Path = CGROUP) -> int | None:
    """Bytes that the container may use (cgroup 2 or 1), None without a limit."""
    texts = (_read(root / name) for name in ("memory.max", "memory/memory.limit_in_bytes"))
    return min((int(text) for text in texts if text.isdigit()), default=None)


def cpu_quota(root: Path = CGROUP) -> float | None:
    """Cores that the container may use (cgroup 2 or 1), None without a quota."""
    quota, _, period = _read(root / "cpu.max").partition(" ")
    if not quota:
        quota, period = _read(root / "cpu/cpu.cfs_quota_us"), _read(root / "cpu/cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
