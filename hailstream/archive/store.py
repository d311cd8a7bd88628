"""Where an archive is, and which of its files count."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from hailstream.archive.layout import topic_folder
from hailstream.archive.s3 import in_s3, open_bucket
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import Topic

#: How the name of a file begins that has the rows of others; its footer names them.
COMPACTED: Final = "part-compacted-"
REPLACES: Final = b"hailstream.replaces"


@dataclass(frozen=True)
class Store:
    """The files of one topic's archive.

    Attributes:
        files: the file system.
        root: the topic's folder in it.
    """

    files: pafs.FileSystem
    root: str

    def data_files(self) -> dict[str, int]:
        """Paths below ``root``, sorted, and sizes in bytes, of the files that count: each record is in one of them.

        Raises:
            HailstreamError: they cannot be listed.
        """
        present = self.present_files()
        replaced = {path for name in present if is_compacted(name) for path in self.replaced_by(name)}
        return {path: size for path, size in present.items() if path not in replaced}

    def present_files(self) -> dict[str, int]:
        """The same with those that were compacted and are not deleted yet."""
        return {path: size for path, size in self.all_files().items() if is_data(path)}

    def all_files(self) -> dict[str, int]:
        """The same with hidden ones."""
        selector = pafs.FileSelector(self.root, allow_not_found=True, recursive=True)
        try:
            infos = self.files.get_file_info(selector)
        except OSError as error:
            raise HailstreamError(f"the archive in {self.root} cannot be listed: {error}") from None
        found = {
            info.path.removeprefix(self.root).lstrip("/"): info.size
            for info in infos
            if info.type is pafs.FileType.File
        }
        return dict(sorted(found.items()))

    def replaced_by(self, path: str) -> list[str]:
        """The paths of the files whose rows a compacted file has."""
        try:
            metadata = pq.read_metadata(self.path(path), filesystem=self.files).metadata or {}
        except (OSError, pa.ArrowException) as error:
            raise unreadable(self.path(path), error) from None
        folder = path.rpartition("/")[0]
        return [f"{folder}/{name}" for name in json.loads(metadata.get(REPLACES, b"[]"))]

    def delete(self) -> None:
        """Delete all files, hidden ones too; nothing happens where there are none.

        Raises:
            HailstreamError: one cannot be deleted.
        """
        try:
            self.files.delete_dir_contents(self.root, missing_dir_ok=True)
        except OSError as error:
            raise HailstreamError(f"the archive in {self.root} cannot be deleted: {error}") from None

    def path(self, name: str) -> str:
        """Of a file below ``root``, as the file system wants it."""
        return f"{self.root}/{name}"


def is_data(path: str) -> bool:
    """Whether a path is a finished file: no part of it is hidden, as what is still written is."""
    return not any(part.startswith((".", "_")) for part in path.split("/"))


def is_compacted(path: str) -> bool:
    """Whether a file has the rows of others."""
    return path.rpartition("/")[2].startswith(COMPACTED)


def missing(path: str) -> HailstreamError:
    """The error of a file that was there a moment ago, or should be."""
    return HailstreamError(
        f"{path} is gone",
        hint="where the archive was compacted meanwhile, run it again; else bring the file back from a copy, or "
        "archive its offsets again",
    )


def unreadable(path: str, error: Exception) -> HailstreamError:
    """The error of a file that is no Parquet file, or cannot be had."""
    if isinstance(error, FileNotFoundError):
        return missing(path)
    if "AWS Error" in str(error):
        return HailstreamError(f"{path} cannot be read: {error}", hint="check the S3 server, and run it again")
    return HailstreamError(
        f"{path} is no readable file of the archive: {error}",
        hint="files are written whole or not at all; bring this one back from a copy, or remove it and "
        "archive its offsets again",
    )


def open_store(topic: Topic, settings: Settings) -> Store:
    """The archive of a topic in the settings' namespace; it need not be there yet.

    Raises:
        HailstreamError: the address is none that can be opened, or the server refuses or does not answer.
    """
    folder = topic_folder(topic, settings.namespace)
    if in_s3(settings):
        files, root = open_bucket(settings)
        return Store(files, f"{root}/{folder}")
    try:
        files, root = pafs.FileSystem.from_uri(f"{settings.archive_address}/{folder}")
    except (OSError, ValueError) as error:
        raise HailstreamError(
            f"wrong setting: HAILSTREAM_ARCHIVE: {settings.archive_address}: {error}",
            hint="give the file:// address of a folder, or s3://BUCKET/PREFIX",
            exit_code=2,
        ) from None
    return Store(files, root)
