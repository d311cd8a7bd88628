"""Data on its way into a table: a file without a name, on the disk of the tables."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from hailstream.local.clickhouse_server.errors import ClickHouseError

FOLDER = "incoming"
# The engine reserves space for what it writes, but does not notice a write that fails all the same: nothing goes in
# where something else could take the rest of the disk in the meantime.
KEEP_FREE = 64 << 20
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
            self._check_space()
            yield f"{_OPEN_FILES}/{file.fileno()}"

    def _check_space(self) -> None:
        with _disk_errors():
            if (free := shutil.disk_usage(self._folder).free) < KEEP_FREE:
                text = f"{free >> 20} MiB are free on the disk of the tables, inserts need {KEEP_FREE >> 20}"
                raise ClickHouseError(243, "NOT_ENOUGH_SPACE", text)


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
