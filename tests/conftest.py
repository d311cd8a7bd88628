"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.side_by_side import Scheduling, scheduling, slowest_first

# Here alone: fixtures that two conftests import are two, each with servers of its own.
from tests.stack import *  # noqa: F403

# A suite of many short runs spends a third of its JVMs' time on optimising code that will not run for long.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real trip files; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real trip files in {SHARED_DATA}")
    return SHARED_DATA


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slowest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return scheduling(config, log)
