"""Backfilled months of an archive: which there are, and which of their files count.

``<archive>/<namespace>/backfill/yellow-2018-01/current.json`` names the
version that counts; its files are beside it::

    yellow-2018-01/20261122T095512-5f2c…/trips.started.v1/part-*
                                        /trips.ended.v1/part-*
                                        /rejects/part-*

A month is published by writing that one small file, so that readers have the
old month or the new one, whole. Its rows have no place in a log: partition and
offset are null. The month is the one that the file is of; a row may be of any
other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow.fs as pafs

from hailstream.archive.store import Store
from hailstream.errors import HailstreamError
from hailstream.topics import Topic

#: Folder beside those of the topics.
BACKFILL: Final = "backfill"
#: Folder of a version beside those of the topics, and what its files have of each row that became no event.
REJECTS: Final = "rejects"
_POINTER: Final = "current.json"
_LAYOUT: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """A file of a month.

    Attributes:
        name: below the month's folder.
        rows: that it has.
        first, last: of the times of its records, ms since 1970.
    """

    name: str
    rows: int
    first: int
    last: int

    @property
    def times(self) -> tuple[int, ...]:
        """The first and the last time; none of a file of rejects."""
        return (self.first, self.last) if self.last else ()


@dataclass(frozen=True)
class Month:
    """A published month.

    Attributes:
        name: kind of trips and month: ``yellow-2018-01``.
        version: folder of its files.
        source: name of the file it was made of.
        content: SHA-256 of that file, and of how it was read.
        rows: of the file, those that became no event included.
        rejects: how many became no event, by reason.
        parts: files by topic, without its namespace; those of ``rejects`` have no times.
        days: by topic, first moments of days (ms since 1970) in which this version, or one before it, has events.
    """

    name: str
    version: str
    source: str
    content: str
    rows: int
    rejects: Mapping[str, int]
    parts: Mapping[str, tuple[Part, ...]]
    days: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def of(self, topic: Topic) -> tuple[Part, ...]:
        """The files of a topic's events."""
        return self.parts.get(topic.base, ())

    def path(self, part: Part) -> str:
        """Of a file, below the folder of all months."""
        return f"{self.name}/{part.name}"


def beside(store: Store) -> Store:
    """The folder of months that belongs to a topic's records."""
    return replace(store, root=f"{store.root.rpartition('/')[0]}/{BACKFILL}")


def published_months(months: Store) -> list[Month]:
    """All that are published, by name.

    Args:
        months: of :func:`beside`.

    Raises:
        HailstreamError: they cannot be listed, or one cannot be read.
    """
    selector = pafs.FileSelector(months.root, allow_not_found=True)
    try:
        found = [info.base_name for info in months.files.get_file_info(selector)]
    except OSError as error:
        raise HailstreamError(f"the archive in {months.root} cannot be listed: {error}") from None
    read = (published_month(months, name) for name in sorted(found) if not name.startswith((".", "_")))
    return [month for month in read if month is not None]


def published_month(months: Store, name: str) -> Month | None:
    """What is published of a month; None where nothing is.

    Raises:
        HailstreamError: it cannot be read.
    """
    path = months.path(f"{name}/{_POINTER}")
    try:
        if months.files.get_file_info(path).type is not pafs.FileType.File:
            return None
        with months.files.open_input_stream(path) as stream:
            found: Any = json.loads(stream.read())
        if found.pop("layout") != _LAYOUT:
            raise ValueError("written by another version of this program")
        parts = {topic: tuple(Part(**part) for part in parts) for topic, parts in found.pop("parts").items()}
        days = {topic: tuple(days) for topic, days in found.pop("days").items()}
        return Month(**found, parts=parts, days=days)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HailstreamError(
            f"{path} does not tell which version of {name} counts: {error}",
            hint=f"remove it and backfill {name} again",
        ) from None


def publish(months: Store, month: Month) -> None:
    """Let a month count from now on; written beside its place and moved there, so that nobody reads half of it.

    Raises:
        OSError: it could not be written; what was published before still counts.
    """
    target = months.path(f"{month.name}/{_POINTER}")
    scratch = months.path(f"{month.name}/.{_POINTER}.{month.version}")
    content = json.dumps({"layout": _LAYOUT, **asdict(month)}, indent=1)
    with months.files.open_output_stream(scratch) as stream:
        stream.write(content.encode())
    months.files.move(scratch, target)


def files_of(months: Iterable[Month], topic: Topic, begin: datetime | None, end: datetime | None) -> dict[str, int]:
    """Files with records of a topic between two instants, ``end`` excluded: rows by path below the folder of months."""
    first, last = (
        None if moment is None else round((moment - _EPOCH) / timedelta(milliseconds=1)) for moment in (begin, end)
    )
    return {
        month.path(part): part.rows
        for month in months
        for part in month.of(topic)
        if (first is None or part.last >= first) and (last is None or part.first < last)
    }
