"""Backfill: read files, write months, publish each as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeAlias
from uuid import uuid4

import pyarrow.fs as pafs

from hailstream.archive.months import Month, Part, beside, publish, published_month
from hailstream.archive.store import open_store
from hailstream.backfill.plan import MonthOfFile, grouped
from hailstream.backfill.task import Task, Written, work
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, TRIPS_STARTED

Spread: TypeAlias = Callable[[Callable[[Task], Written], Sequence[Task]], list[Written]]

#: Rows that are read before what they gave is published; more keep Spark busier, fewer lose less when it is killed.
_GROUP_ROWS: Final = 4_000_000


@dataclass
class Outcome:
    """What became of a command's months.

    Attributes:
        published: that were written anew.
        same: names of those that were left alone, because they have the content already.
        failed: what is wrong with a file, a line each.
        archived: whether all that can be published is.
    """

    published: list[Month] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    archived: bool = False


class Backfiller:
    """Writes months of files into the archive of a namespace.

    Args:
        settings: namespace and archive.
        say: told what is going on, a line each.
        now: the clock.
    """

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        # A task has a working folder of its own, in which a relative home would be another.
        self._settings = settings.model_copy(update={"home": settings.home_dir})
        self._months = beside(open_store(TRIPS_STARTED, settings))
        self._say = say
        self._now = now

    def changed(self, wanted: Sequence[MonthOfFile], outcome: Outcome) -> list[MonthOfFile]:
        """Those of the months that are not published with the same content; the others are the outcome's.

        Raises:
            HailstreamError: what is published of one cannot be read.
        """
        found = []
        for one in wanted:
            current = published_month(self._months, one.name)
            if current is not None and current.content == one.file.content:
                outcome.same.append(one.name)
            else:
                found.append(one)
        return found

    def clean(self) -> None:
        """Remove what runs that were killed have left: everything that no month counts.

        Raises:
            HailstreamError: the archive cannot be listed, or something in it cannot be removed.
        """
        files = self._months.files
        try:
            for info in files.get_file_info(pafs.FileSelector(self._months.root, allow_not_found=True)):
                month = published_month(self._months, info.base_name)
                kept = {"current.json", month.version} if month is not None else set()
                for left in files.get_file_info(pafs.FileSelector(info.path)):
                    if left.base_name not in kept:
                        self._say(f"removing what a run that was ended has left: {info.base_name}/{left.base_name}")
                        (files.delete_dir if left.type is pafs.FileType.Directory else files.delete_file)(left.path)
        except OSError as error:
            raise HailstreamError(f"the archive in {self._months.root} cannot be cleaned: {error}") from None

    def write(self, spread: Spread, wanted: Sequence[MonthOfFile], outcome: Outcome) -> None:
        """Read the months' files, and publish each month that could be read whole.

        Args:
            spread: does the tasks, wherever, and gives their results.

        Raises:
            HailstreamError: the archive cannot be written; months that were published before stay so.
        """
        for group in grouped(wanted, _GROUP_ROWS):
            version = f"{self._now():%Y%m%dT%H%M%S}-{uuid4().hex[:12]}"
            tasks = [
                Task(one.name, version, one.file.source, replace(one.file.input, rows=rows), self._now())
                for one in group
                for rows in one.pieces
            ]
            # The largest first, so that none is left over when all others are done.
            tasks.sort(key=lambda task: -(len(task.input.rows) if task.input.rows else task.input.path.stat().st_size))
            results = spread(partial(work, settings=self._settings), tasks)
            by_month: dict[str, list[Written]] = {}
            for written in results:
                by_month.setdefault(written.month, []).append(written)
            asked: set[str] = set()
            try:
                for one in group:
                    self._finish(one, version, by_month[one.name], outcome, asked)
            except HailstreamError:
                # What was to be published may be, whatever went wrong then; the next run knows.
                for name in by_month.keys() - asked:
                    self._remove(name, version)
                raise
        outcome.archived = True

    def _finish(
        self, one: MonthOfFile, version: str, results: Sequence[Written], outcome: Outcome, asked: set[str]
    ) -> None:
        """Publish a month, or say why not; raises where none of the following could be published either.

        Args:
            asked: is told the month from the moment on in which its files may count.
        """
        failed = next((written for written in results if written.error), None)
        if failed is not None and failed.fatal:
            raise HailstreamError(failed.error, hint=f"{failed.hint}; what was published before still counts")
        month = _month_of(one, version, results)
        problem = failed.error if failed is not None else _nothing_in(month)
        if problem:
            outcome.failed.append(f"{one.name} is not replaced: {problem}")
            self._say(outcome.failed[-1])
            self._remove(one.name, version)
            return
        before = published_month(self._months, one.name)
        if before is not None:
            # Windows of the rows that are no longer there have to be said again too.
            days = {topic: (*month.days.get(topic, ()), *found) for topic, found in before.days.items()}
            month = replace(month, days={topic: tuple(sorted(set(found))) for topic, found in days.items()})
        asked.add(month.name)
        try:
            publish(self._months, month)
        except OSError as error:
            raise HailstreamError(
                f"{one.name} could not be published in {self._months.root}: {error}",
                hint="free disk; what was published before still counts",
            ) from None
        outcome.published.append(month)
        if before is not None:
            self._remove(one.name, before.version)
        rejected = sum(month.rejects.values())
        self._say(f"{one.name}: {month.rows:,} rows, {rejected:,} rejected{_reasons(month)}, from {month.source}")

    def _remove(self, month: str, version: str) -> None:
        """Delete a version that does not count; one that cannot be deleted is left to the next run."""
        path = self._months.path(f"{month}/{version}")
        try:
            self._months.files.delete_dir(path)
        except FileNotFoundError:
            return
        except OSError as error:
            self._say(f"{month}/{version} could not be removed, the next run will: {error}")


def _month_of(one: MonthOfFile, version: str, results: Sequence[Written]) -> Month:
    rejects: Counter[str] = Counter()
    parts: dict[str, list[Part]] = {}
    days: dict[str, set[int]] = {}
    for written in results:
        rejects.update(written.rejects)
        for topic, part in written.parts.items():
            parts.setdefault(topic, []).append(part)
        for topic, found in written.days.items():
            days.setdefault(topic, set()).update(found)
    return Month(
        name=one.name,
        version=version,
        source=one.file.source,
        content=one.file.content,
        rows=sum(written.rows for written in results),
        rejects=dict(sorted(rejects.items())),
        parts={topic: tuple(sorted(found, key=lambda part: part.first)) for topic, found in parts.items()},
        days={topic: tuple(sorted(found)) for topic, found in days.items()},
    )


def _nothing_in(month: Month) -> str:
    """Why a file that gave no event does not replace a month that may have some; empty where it gave one."""
    if any(month.of(topic) for topic in EVENT_TOPICS):
        return ""
    if not month.rows:
        return f"{month.source} holds no row"
    return f"{month.source}: none of {month.rows:,} rows became an event{_reasons(month)}"


def _reasons(month: Month) -> str:
    told = ", ".join(f"{reason} {count:,}" for reason, count in month.rejects.items())
    return f" ({told})" if told else ""
