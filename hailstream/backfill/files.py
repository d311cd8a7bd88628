"""The files of a command: those in archives unpacked, their layout and content known."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hailstream.archive.layout import archive_columns
from hailstream.errors import HailstreamError
from hailstream.replay.ids import TRIP_ID_COLUMNS
from hailstream.replay.layouts import Shape
from hailstream.replay.loading import Input
from hailstream.replay.sources import expand, inspect_file
from hailstream.topics import EVENT_TOPICS

#: Raise it when the same file would give other events than before.
_READING: Final = 1
_SERVICES: Final = ("yellow", "green")


@dataclass(frozen=True)
class MonthlyFile:
    """A file of trips.

    Attributes:
        source: what people know it by; of one in an archive, the archive's name before its own.
        content: SHA-256 of its name, its bytes and how they are read: the same content gives the same events.
    """

    source: str
    content: str
    input: Input

    @property
    def path(self) -> Path:
        return self.input.path


def unpacked(specs: Sequence[str], scratch: Path) -> Iterator[tuple[str, Path | HailstreamError]]:
    """The files that are meant, with what people know them by; those of tar archives are unpacked.

    A file that cannot be had is given as the error that says so.

    Args:
        specs: paths and globs.
        scratch: a folder to unpack to.
    """
    for spec in specs:
        try:
            paths = expand([spec])
        except HailstreamError as error:
            yield spec, error
            continue
        for path in paths:
            if not _is_tar(path):
                yield path.name, path
            else:
                yield from _members(path, scratch)


def monthly_file(source: str, path: Path) -> MonthlyFile:
    """What is known of a file before its rows are read.

    Raises:
        HailstreamError: it cannot be read, or is no file of yellow or green trips.
    """
    found = inspect_file(path)
    if found.layout.shape is not Shape.TRIPS or found.layout.label not in _SERVICES:
        raise HailstreamError(
            f"{path}: no monthly file of yellow or green trips, but {found.layout.shape.value} ({found.layout.label})",
            hint="`hailstream replay` reads it",
        )
    return MonthlyFile(source, _content(path), found)


def told(error: HailstreamError, path: Path, source: str) -> HailstreamError:
    """The error with the name that people know the file by."""
    return HailstreamError(error.message.replace(str(path), source), hint=error.hint, exit_code=error.exit_code)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except OSError:
        return False  # who reads it says why


def _members(path: Path, scratch: Path) -> Iterator[tuple[str, Path | HailstreamError]]:
    number = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isfile() or name.startswith("."):
                    continue
                # Two members of different folders may have one name, and the name is part of what a file says.
                target = scratch / f"{path.name}-{number}" / name
                number += 1
                target.parent.mkdir(parents=True, exist_ok=True)
                data = archive.extractfile(member)
                with target.open("wb") as out:
                    while data is not None and (block := data.read(1 << 20)):
                        out.write(block)
                yield f"{path.name}/{member.name}", target
    except (tarfile.TarError, EOFError, OSError) as error:
        yield path.name, HailstreamError(f"{path}: a damaged archive: {error}", hint="download it again")


def _content(path: Path) -> str:
    columns = {topic.base: archive_columns(topic) for topic in EVENT_TOPICS}
    digest = hashlib.sha256(json.dumps([_READING, TRIP_ID_COLUMNS, columns, path.name]).encode())
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise HailstreamError(f"{path}: cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()
