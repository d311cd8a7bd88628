"""The lock file against what is installed, and whether it loads."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from hailstream.doctor import Status
from hailstream.doctor.packages import LOCK_FILE, check_libraries, check_packages, locked_versions
from hailstream.settings import Settings

SETTINGS = Settings()


def test_a_lock_file_is_read_with_its_markers() -> None:
    lock = """\
rich==1.0 \\
    --hash=sha256:00
    # via typer
colorama==2 ; sys_platform == 'never' \\
    --hash=sha256:00
typer==3.0.post1 ; python_version >= '3' \\
    --hash=sha256:00
"""
    assert locked_versions(lock) == {"rich": "1.0", "typer": "3.0.post1"}


def test_a_missing_package_is_an_error_and_another_version_a_warning(tmp_path: Path) -> None:
    lock = tmp_path / "all.lock"
    lock.write_text(f"rich=={version('rich')} \\\ntyper==0.0.1 \\\nno-such-package-here==1 \\\n")
    found = {f.status: f.found for f in check_packages(SETTINGS, lock)}
    assert "no-such-package-here" in found[Status.ERROR]
    assert f"typer {version('typer')} instead of 0.0.1" in found[Status.WARNING]
    assert "rich" not in found[Status.ERROR] + found[Status.WARNING]


def test_the_lock_file_of_the_project_is_what_is_installed_here() -> None:
    if not (LOCK_FILE.parents[1] / ".venv" / "setup.json").is_file():
        pytest.skip("this environment was not made by `make`")
    assert [f.status for f in check_packages(SETTINGS)] == [Status.OK]


@pytest.mark.parametrize(
    ("module", "reason"),
    [("no_such_module_here", "No module named"), ("os; os.kill(os.getpid(), 9)", "signal 9")],
)
def test_a_library_that_is_absent_or_crashes_is_an_error_with_its_reason(module: str, reason: str) -> None:
    findings = list(check_libraries(SETTINGS, ("json", module)))
    assert [f.status for f in findings] == [Status.ERROR]
    assert reason in findings[0].found


def test_libraries_that_load_are_fine() -> None:
    assert [f.status for f in check_libraries(SETTINGS, ("json", "email.utils"))] == [Status.OK]
