"""Where an archive is: a folder of this machine or a bucket, behind one interface."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import pyarrow.fs as pafs

from hailstream.archive.layout import topic_folder
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import Topic


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
        """Paths below ``root``, sorted, and sizes in bytes, of the files that readers are meant to see."""
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
        return {path: size for path, size in sorted(found.items()) if is_data(path)}

    def path(self, name: str) -> str:
        """Of a file below ``root``, as the file system wants it."""
        return f"{self.root}/{name}"


def is_data(path: str) -> bool:
    """Whether a path is a finished file: no part of it is hidden, as what is still written is."""
    return not any(part.startswith((".", "_")) for part in path.split("/"))


def open_store(topic: Topic, settings: Settings) -> Store:
    """The archive of a topic in the settings' namespace; it need not be there yet.

    Raises:
        HailstreamError: the address is none that can be opened.
    """
    address = f"{settings.archive_address}/{topic_folder(topic, settings.namespace)}"
    scheme = urlsplit(address).scheme
    try:
        if scheme == "s3":
            return Store(_s3(settings), address.removeprefix("s3://"))
        files, root = pafs.FileSystem.from_uri(address)
    except (OSError, ValueError) as error:
        raise HailstreamError(
            f"wrong setting: HAILSTREAM_ARCHIVE: {settings.archive_address}: {error}",
            hint="give a file:// or s3:// address",
            exit_code=2,
        ) from None
    return Store(files, root)


def _s3(settings: Settings) -> pafs.FileSystem:
    secret = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None
    endpoint = urlsplit(settings.s3_endpoint or "")
    return pafs.S3FileSystem(
        access_key=settings.s3_access_key,
        secret_key=secret,
        region=settings.s3_region,
        scheme=endpoint.scheme or "https",
        endpoint_override=endpoint.netloc or None,
    )
