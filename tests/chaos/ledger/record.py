"""The ledger: every action, recovery and count, a line of JSON each, written as it happens."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Record:
    """Appends to a file; every line is on disk when the call returns, so that a run that breaks off is told too.

    Args:
        path: of the file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._began = time.monotonic()

    def __call__(self, event: str, **facts: Any) -> None:
        """A line: what it is, seconds since the beginning, and the facts."""
        line = {"event": event, "seconds": round(time.monotonic() - self._began, 2)} | facts
        self._file.write(json.dumps(line, default=str) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
