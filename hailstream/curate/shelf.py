"""Curated tables as Parquet: a folder for each run, hidden until it is published.

``<curated>/<namespace>/run-7-3f2a91/<table>/month=2024-01-01/part-0.parquet``,
and ``_published.json`` beside them, which says in which folder each month is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from hailstream.errors import HailstreamError
from hailstream.settings import Settings

STAGING: Final = "staging"
_PUBLISHED: Final = "_published.json"
_FILE: Final = "part-0.parquet"


@dataclass(frozen=True)
class Shelf:
    """The folder of a namespace's curated tables.

    Attributes:
        files: the file system.
        root: the folder in it.
    """

    files: pafs.FileSystem
    root: str

    def path(self, *names: str) -> str:
        """Below the folder, as the file system wants it."""
        return "/".join((self.root, *names))

    def begin(self, run: int) -> str:
        """Name of a new run's folder; until it is published the folder has a point before it."""
        self.remove_unfinished()
        return f"run-{run}-{uuid4().hex[:6]}"

    def hidden(self, folder: str, *names: str) -> str:
        """Path in a folder that is not published yet."""
        return self.path(f".{folder}", *names)

    def write(self, folder: str, table: str, month: date, rows: pa.Table) -> str:
        """Write a table's rows of a month into a hidden folder; a digest of them.

        Raises:
            HailstreamError: the disk is full, or the folder cannot be written.
        """
        place = self.hidden(folder, table, f"month={month}")
        try:
            self.files.create_dir(place, recursive=True)
            pq.write_table(rows.drop_columns(["month"]), f"{place}/{_FILE}", filesystem=self.files, compression="zstd")
            with self.files.open_input_file(f"{place}/{_FILE}") as written:
                return hashlib.sha256(written.read()).hexdigest()
        except OSError as error:
            raise unwritable(self.root, error) from None

    def drop(self, folder: str, month: date) -> None:
        """Take a month out of a hidden folder."""
        for info in self._below(self.hidden(folder)):
            with suppress(FileNotFoundError):
                self.files.delete_dir(f"{info.path}/month={month}")

    def has(self, folder: str) -> bool:
        """Whether a published folder is there; somebody may have deleted it."""
        return self._is_there(self.path(folder))

    def publish(self, folder: str, months: Mapping[date, str]) -> None:
        """Show a folder, say which folder has which month, and delete months that were replaced.

        Raises:
            HailstreamError: the folder cannot be written.
        """
        try:
            if self._is_there(self.hidden(folder)):
                self.files.move(self.hidden(folder), self.path(folder))
            self._say(months)
            self._delete_replaced(months)
        except OSError as error:
            raise unwritable(self.root, error) from None

    def settle(self, months: Mapping[date, str]) -> None:
        """Finish what a run that was killed after its publication had still to do."""
        for folder in sorted(set(months.values())):
            if self._is_there(self.hidden(folder)):
                self.publish(folder, months)

    def remove_unfinished(self) -> None:
        """Delete what runs left behind that never were published."""
        with suppress(OSError):
            left = [info for info in self._below(self.root) if info.base_name.startswith(".run-")]
            for info in left:
                self.files.delete_dir(info.path)

    def _say(self, months: Mapping[date, str]) -> None:
        with self.files.open_output_stream(self.path(f"_{_PUBLISHED}.new")) as stream:
            stream.write(json.dumps({str(month): folder for month, folder in sorted(months.items())}).encode())
        self.files.move(self.path(f"_{_PUBLISHED}.new"), self.path(_PUBLISHED))

    def _delete_replaced(self, months: Mapping[date, str]) -> None:
        names = {f"month={month}": folder for month, folder in months.items()}
        for run in self._below(self.root):
            if run.type is not pafs.FileType.Directory or not run.base_name.startswith("run-"):
                continue
            tables = self._below(run.path)
            for table in tables:
                for month in self._below(table.path):
                    if names.get(month.base_name, run.base_name) != run.base_name:
                        self.files.delete_dir(month.path)
                if not self._below(table.path):
                    self.files.delete_dir(table.path)
            if not self._below(run.path):
                self.files.delete_dir(run.path)

    def _below(self, path: str) -> list[pafs.FileInfo]:
        found: list[pafs.FileInfo] = self.files.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        return sorted(found, key=lambda info: str(info.path))

    def _is_there(self, path: str) -> bool:
        return bool(self.files.get_file_info(path).type is pafs.FileType.Directory)


def open_shelf(settings: Settings) -> Shelf:
    """The folder of the settings' namespace; it need not be there yet.

    Raises:
        HailstreamError: the address is none of a local folder.
    """
    try:
        # Staging is checked as files of this machine.
        if not settings.curated_address.startswith("file://"):
            raise ValueError("not the address of a local folder")
        files, root = pafs.FileSystem.from_uri(f"{settings.curated_address}/{settings.namespace}")
    except (OSError, ValueError) as error:
        raise HailstreamError(
            f"wrong setting: HAILSTREAM_CURATED: {settings.curated_address}: {error}",
            hint="give the file:// address of a folder",
            exit_code=2,
        ) from None
    return Shelf(files, root)


def by_month(rows: pa.Table) -> dict[date, pa.Table]:
    """Rows of a table by their month."""
    months = pc.unique(rows["month"]).to_pylist()
    return {month: rows.filter(pc.equal(rows["month"], pa.scalar(month, pa.date32()))) for month in sorted(months)}


def unwritable(path: str, error: Exception) -> HailstreamError:
    """The error of a folder that takes no more."""
    return HailstreamError(
        f"curated tables cannot be written to {path}: {error}; those that were published are as before",
        hint="free disk, or set HAILSTREAM_CURATED to another folder; then run it again",
    )
