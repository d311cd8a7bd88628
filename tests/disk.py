"""A disk that is small enough to be full: a tmpfs of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """Mounted at ``folder``."""

    folder: Path

    def grow(self, size: str) -> None:
        """Make it larger: ``64m``."""
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Disk]:
    """Mount one of that size; the test is skipped where that is not allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "hailstream-test", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs to mount a small disk: {getattr(error, 'stderr', None) or error}")
    try:
        yield Disk(folder)
    finally:
        # Lazily: a server that is still writing must not keep the mount for ever.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
