"""Read the end of a log that a manager writes and rotates."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from hailstream.errors import HailstreamError

WAIT_SECONDS = 0.2


def tail(path: Path, lines: int, *, follow: bool = False, sleep: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """The last ``lines`` lines of ``path``; with ``follow`` then each as it is written, across rotations.

    Raises:
        HailstreamError: there is no such log.
    """
    if not path.is_file():
        raise HailstreamError(f"no log yet at {path}", hint="`hailstream up` starts the server that writes it")
    with path.open(errors="replace") as log:
        yield from (line.rstrip("\n") for line in deque(log, maxlen=lines))
        if not follow:
            return
        yield from _follow(log, path, sleep)


def _follow(log: TextIO, path: Path, sleep: Callable[[float], None]) -> Iterator[str]:
    current, unfinished, opened = log, "", path.stat().st_ino
    try:
        while True:
            if chunk := current.readline():
                unfinished += chunk
                if unfinished.endswith("\n"):
                    yield unfinished.rstrip("\n")
                    unfinished = ""
            elif path.is_file() and path.stat().st_ino != opened:
                if current is not log:
                    current.close()
                current, opened = path.open(errors="replace"), path.stat().st_ino
            else:
                sleep(WAIT_SECONDS)
    finally:
        if current is not log:
            current.close()
