"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# A suite of many short runs spends a third of its JVMs' time on optimising code that will not run for long.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real trip files; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real trip files in {SHARED_DATA}")
    return SHARED_DATA
