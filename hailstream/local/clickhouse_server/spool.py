"""Data on its way into a table: a file without a name, on the disk of the tables."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from hailstream.local.clickhouse_server.errors import ClickHouseError

FOLDER = "incoming"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# How this process names a file that it has open. Such a name holds no character that the engine would take for a
# pattern: one that matches nothing is an insert of nothing to it, and no error.
_OPEN_FILES = next((folder for folder in ("/proc/self/fd", "/dev/fd") if Path(folder).is_dir()), "/dev/fd")


class Spool:
    """Holds the data of inserts in files of ``folder``, which end with the insert or with the process.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        # Where the file system has no files without a name, they have one for an instant: a kill may have hit it.
        for leftover in folder.iterdir():
            leftover.unlink()

    @contextmanager
    def hold(self, data: Iterable[bytes]) -> Iterator[str]:
        """The name under which the engine can read ``data`` in this process.

        Raises:
            ClickHouseError: 243 the disk is full, 75 it cannot be written;
                and whatever iterating ``data`` raises.
        """
        with _disk_errors():
            file = TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        with file:
            for chunk in data:
                _write(file.fileno(), chunk)
            file.seek(0)
            yield f"{_OPEN_FILES}/{file.fileno()}"


def _write(handle: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    with _disk_errors():
        while rest:
            rest = rest[os.write(handle, rest) :]


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ClickHouseError(243, "NOT_ENOUGH_SPACE", f"No space for the data: {error.strerror}") from error
        text = f"Cannot keep the data: {error.strerror}"
        raise ClickHouseError(75, "CANNOT_WRITE_TO_FILE_DESCRIPTOR", text) from error
