"""Which days an archive has, how much of them, and which months that makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from hailstream.archive.layout import FOLDERS, NO_DATE
from hailstream.archive.manifest import Manifest, counted_files
from hailstream.archive.months import beside, published_months
from hailstream.archive.pieces import ROW_BYTES
from hailstream.archive.store import Store
from hailstream.curate.calendar import month_of, months_of
from hailstream.errors import HailstreamError
from hailstream.topics import Topic


@dataclass(frozen=True)
class Coverage:
    """What there is to curate.

    Attributes:
        sizes: bytes by UTC date.
        files: of the log, below its folder, in bytes.
        undated: those of them whose records have a time of no century that taxis have seen.
    """

    sizes: Mapping[date, int]
    files: Mapping[str, int] = field(default_factory=dict)
    undated: Mapping[str, int] = field(default_factory=dict)

    def months(self, begin: date | None, end: date | None) -> list[date]:
        """New York months of which there are records and that touch the days from ``begin`` until before ``end``."""
        found = months_of(self.sizes)
        first = month_of(begin) if begin is not None else date.min
        return [month for month in found if month >= first and (end is None or month < end)]

    def chunks(self, months: Sequence[date], most_bytes: int, most_months: int) -> Iterator[list[date]]:
        """Months that are computed at once: no more and no larger than that, or one; none with records between two."""
        by_month: Counter[date] = Counter()
        for day, size in self.sizes.items():
            by_month[month_of(day)] += size
        chunk: list[date] = []
        size = 0
        for month in months:
            if chunk and (size + by_month[month] > most_bytes or len(chunk) == most_months):
                yield chunk
                chunk, size = [], 0
            chunk.append(month)
            size += by_month[month]
        if chunk:
            yield chunk


def coverage_of(topic: Topic, store: Store, manifest: Manifest) -> Coverage:
    """What a topic's archive has, of the log and of backfilled months.

    Raises:
        HailstreamError: there is nothing, or a record is missing between others.
    """
    months = published_months(beside(store))
    if not manifest.partitions and not months:
        raise HailstreamError(
            f"the archive in {store.root} is empty",
            hint="`hailstream jobs run archive` fills it, `hailstream batch backfill` with monthly files",
        )
    if manifest.gaps:
        raise HailstreamError(
            f"the archive in {store.root} is not whole: {'; '.join(manifest.gaps)}",
            hint="`hailstream archive status` says where; published tables are as before",
        )
    sizes: Counter[date] = Counter()
    files = counted_files(store, manifest)
    undated = {}
    for path, size in files.items():
        folder = dict(part.split("=", 1) for part in path.split("/") if "=" in part).get(FOLDERS[0], NO_DATE)
        if folder == NO_DATE:
            undated[path] = size
        else:
            sizes[date.fromisoformat(folder)] += size
    for month in months:
        days = month.days.get(topic.base, ())
        rows = sum(part.rows for part in month.of(topic))
        for day in days:
            sizes[datetime.fromtimestamp(day / 1000, UTC).date()] += rows * ROW_BYTES // len(days)
    return Coverage(sizes, files, undated)
