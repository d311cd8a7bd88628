"""The machine as the container allows it."""

from __future__ import annotations

import resource
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from hailstream.doctor import Status, machine
from hailstream.settings import Settings


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "max\n"}, None),
        ({"memory.max": "4294967296\n"}, 4 * machine.GIB),
        ({"memory/memory.limit_in_bytes": "2147483648\n"}, 2 * machine.GIB),
        ({}, None),
    ],
)
def test_the_memory_limit_of_a_container_is_read(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    write(tmp_path, files)
    assert machine.memory_limit(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({}, None),
    ],
)
def test_the_cpu_quota_of_a_container_is_read(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    write(tmp_path, files)
    assert machine.cpu_quota(tmp_path) == expected


@pytest.mark.parametrize(
    ("free", "status"), [(1, Status.ERROR), (5 * machine.GIB, Status.WARNING), (50 * machine.GIB, Status.OK)]
)
def test_disk_is_looked_at_where_the_home_folder_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: Status
) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(free, 0, free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    (found,) = machine.check_disk(Settings(home=tmp_path / "not" / "there" / "yet"))
    assert (found.status, asked) == (status, [tmp_path])


@pytest.mark.parametrize("now", [datetime(1970, 1, 1, 0, 5, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)])
def test_a_clock_before_the_release_is_wrong(now: datetime) -> None:
    (found,) = machine.check_clock(Settings(), now)
    assert found.status is Status.ERROR


def test_the_clock_of_this_machine_is_right() -> None:
    assert [f.status for f in machine.check_clock(Settings())] == [Status.OK]


def test_a_home_folder_too_long_for_a_socket_is_warned_of_with_how_much() -> None:
    room = machine.SOCKET_PATH_MOST - len(machine.SOCKET_NAME) - 2
    (fits,) = machine.check_socket_path(Settings(home=Path("/" + "x" * (room - 1))))
    (too_long,) = machine.check_socket_path(Settings(home=Path("/" + "x" * room)))
    assert fits.status is Status.OK
    assert too_long.status is Status.WARNING
    assert "1 bytes too long" in too_long.found


def test_the_hard_limit_on_open_files_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    def status(soft: int, hard: int) -> Status:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
        (found,) = machine.check_open_files(Settings())
        return found.status

    assert status(256, resource.RLIM_INFINITY) is Status.OK
    assert status(1024, 2048) is Status.WARNING
    assert status(512, 512) is Status.ERROR


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
