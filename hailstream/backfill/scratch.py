"""Working folders on this machine's disk, which go with the process that made them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from hailstream.settings import Settings

_PREFIX: Final = "backfill-"


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """An empty folder, removed in the end; those of processes that were killed are removed on the way.

    Raises:
        OSError: it cannot be made.
    """
    parent = settings.home_dir / "spark" / "local"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{_PREFIX}*"):
        owner = left.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)
