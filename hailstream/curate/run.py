"""Curate: archive → staging → tables → checks → publication."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from hailstream.archive.manifest import read_manifest
from hailstream.archive.pieces import pieces_of
from hailstream.archive.store import Store, open_store
from hailstream.batch.runs import BatchRun
from hailstream.curate import ledger
from hailstream.curate.calendar import first_hour, moment, next_month
from hailstream.curate.catalog import NAMES
from hailstream.curate.counts import RuleCount
from hailstream.curate.coverage import Coverage, coverage_of
from hailstream.curate.ledger import Published
from hailstream.curate.raw import Span, count_events
from hailstream.curate.shelf import STAGING, Shelf, by_month, open_shelf
from hailstream.curate.staging_sql import APART_HOURS, FUTURE, TIME_UNKNOWN
from hailstream.curate.work import BACK_HOURS, Chunk
from hailstream.errors import HailstreamError
from hailstream.flink.event_time import parse_horizon
from hailstream.quality.result import Check, record_checks, require
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED
from hailstream.weather.hourly import Weather

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Bytes of archive that are computed at once, unless a month has more: some four million trips.
CHUNK_BYTES: Final = 256 * 2**20
#: Features have a row for each zone and hour, however few trips: more months at once do not fit the driver.
_MONTHS_OF_FEATURES: Final = 6
_MONTHS: Final = 36


@dataclass
class Curated:
    """What a run did.

    Attributes:
        months: that were computed; ``changed``: those of which a row is another than before, by rows written.
        rules: what became of rows.
        checks: what was found.
        seconds: by step.
    """

    months: list[date]
    changed: dict[date, int] = field(default_factory=dict)
    rules: list[RuleCount] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    raw_rows: int = 0
    trips: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def rule_sums(self) -> dict[str, tuple[int, int, int]]:
        """Rows kept, marked and dropped by each rule, of all months."""
        sums: dict[str, tuple[int, int, int]] = {}
        for count in self.rules:
            kept, marked, dropped = sums.get(count.rule, (0, 0, 0))
            sums[count.rule] = (kept + count.kept, marked + count.marked, dropped + count.dropped)
        return sums

    def as_detail(self) -> dict[str, object]:
        """For the record of the run."""
        return {
            "months": [f"{month:%Y-%m}" for month in self.months],
            "changed": {f"{month:%Y-%m}": rows for month, rows in sorted(self.changed.items())},
            "trips": self.trips,
            "rules": {
                rule: dict(zip(("kept", "marked", "dropped"), n, strict=True)) for rule, n in self.rule_sums().items()
            },
            "failed_checks": [f"{check.table}: {check.name}" for check in self.checks if not check.passed],
            "seconds": self.seconds,
        }


class Curator:
    """Computes curated tables with Spark and publishes them.

    Args:
        spark: of :func:`hailstream.spark.context.open_context`.
        weather: of the hours; those that it has not are null.
        say: told what is going on, a line each.
        features: whether those of demand are made, most of the rows and of the work.
        after: called with the name of each step when it is done, for tests that break something there.
    """

    def __init__(
        self,
        spark: SparkContext,
        settings: Settings,
        weather: Weather,
        say: Callable[[str], None] = lambda _: None,
        *,
        features: bool = True,
        after: Callable[[str, str], None] = lambda _step, _folder: None,
    ) -> None:
        self._spark = spark
        self._settings = settings
        # A task has a working folder of its own, in which a relative home would be another.
        self._of_tasks = settings.model_copy(update={"home": settings.home_dir})
        self._weather = weather
        self._say = say
        self._features = features
        self._after = after
        #: What the last call did, also where it failed.
        self.done: Curated | None = None
        self._ahead = _ahead(settings)

    def curate(self, begin: date | None, end: date | None, run: BatchRun) -> Curated:
        """Compute the months that touch a range of New York days, and publish them.

        Args:
            begin, end: ``end`` excluded; None: all that the archive has.

        Raises:
            HailstreamError: the archive is empty or has a gap, there are no trips, a hard check failed, or a
                server or the disk failed; in all cases the tables are as they were before.
        """
        settings = self._settings
        store = open_store(TRIPS_ENDED, settings)
        coverage = coverage_of(TRIPS_ENDED, store, read_manifest(store))
        months = [month for month in coverage.months(begin, end) if moment(first_hour(month)) < self._ahead]
        if not months:
            span = f"from {begin or 'the begin'} to {end or 'the end'}"
            raise HailstreamError(
                f"the archive in {store.root} has no trips {span}",
                hint="`hailstream archive status` says what it has",
                exit_code=2,
            )
        shelf = open_shelf(settings)
        before = ledger.published_months(settings)
        shelf.settle({month: one.folder for month, one in before.items()})
        ledger.remove_unseen(settings, NAMES)
        folder = shelf.begin(run.number)
        done = self.done = Curated(months)
        try:
            fresh: dict[date, Published] = {}
            for chunk in coverage.chunks(months, CHUNK_BYTES, _MONTHS_OF_FEATURES if self._features else _MONTHS):
                fresh |= self._chunk(chunk, store, coverage, shelf, folder, before, run, done)
            done.rules += self._no_times(store, coverage, end)
            self._judge(run, done)
        except BaseException:
            shelf.remove_unfinished()
            raise
        # From here on the files may be those of published months, whatever goes wrong; the next run knows.
        self._publish(fresh, before, shelf, folder, done)
        return done

    def _chunk(
        self,
        months: list[date],
        store: Store,
        coverage: Coverage,
        shelf: Shelf,
        folder: str,
        before: Mapping[date, Published],
        run: BatchRun,
        done: Curated,
    ) -> dict[date, Published]:
        """Compute some months, write what is new of them where nobody sees it; those that are."""
        self._say(f"{_span(months)}: cleaning")
        margin = timedelta(hours=APART_HOURS + 1)
        first, last = moment(first_hour(months[0])), moment(first_hour(next_month(months[-1])))
        until = min(last + margin, self._ahead)
        begin = first - timedelta(hours=BACK_HOURS) - margin
        span = Span(begin, until, first_hour(months[0]), first_hour(next_month(months[-1])))
        pieces = pieces_of(TRIPS_ENDED, store, coverage.files, begin, until)
        clock = time.monotonic()
        chunk = Chunk(
            self._spark, self._of_tasks, pieces, span, months, coverage.sizes, self._weather, features=self._features
        )
        chunk.stage(shelf.hidden(folder, STAGING))
        self._lap(done, "staging", clock)
        self._after("staging", folder)
        self._say(f"{_span(months)}: {chunk.raw.rows:,} events, computing tables")
        clock = time.monotonic()
        tables = chunk.tables()
        self._lap(done, "tables", clock)
        clock = time.monotonic()
        done.rules += chunk.rules
        done.raw_rows += chunk.raw.rows
        done.checks += chunk.checks(tables, shelf.hidden(folder, STAGING))
        self._lap(done, "checks", clock)
        clock = time.monotonic()
        digests = self._write(tables, shelf, folder)
        trips = chunk.trips_by_month()
        done.trips += sum(trips.values())
        for rule in chunk.rules:
            if rule.month in digests:
                digests[rule.month].update(repr(rule).encode())
        fresh = {}
        for month in months:
            digest = digests[month].hexdigest() if month in digests else ""
            # A month without trips, at the edge of the archive, is none, unless it was one before.
            if digest == (before[month].fingerprint if month in before and shelf.has(before[month].folder) else ""):
                shelf.drop(folder, month)
            else:
                fresh[month] = Published(run.number, folder, digest, trips[month])
        for name, rows in tables.items():
            new = pa.concat_tables([part for month, part in by_month(rows).items() if month in fresh] or [rows[:0]])
            if new.num_rows:
                ledger.insert_rows(self._settings, name, new, run.number)
            for month, part in by_month(new).items():
                done.changed[month] = done.changed.get(month, 0) + part.num_rows
        self._lap(done, "writing", clock)
        self._after("tables", folder)
        return fresh

    def _write(self, tables: Mapping[str, pa.Table], shelf: Shelf, folder: str) -> dict[date, hashlib._Hash]:
        """Parquet files of all tables; by month what their digests make together."""
        digests: dict[date, hashlib._Hash] = {}
        for name, rows in tables.items():
            for month, part in by_month(rows).items():
                digest = digests.setdefault(month, hashlib.sha256())
                digest.update(f"{name} {shelf.write(folder, name, month, part)}".encode())
        return digests

    def _judge(self, run: BatchRun, done: Curated) -> None:
        ledger.record_rules(self._settings, run.number, done.rules)
        record_checks(self._settings, run.number, done.checks)
        require(done.checks)

    def _publish(
        self,
        fresh: Mapping[date, Published],
        before: Mapping[date, Published],
        shelf: Shelf,
        folder: str,
        done: Curated,
    ) -> None:
        if not fresh:
            shelf.remove_unfinished()
            self._say(f"{len(done.months)} months are as they were published")
            return
        self._say(f"publishing {_span(sorted(fresh))}")
        ledger.publish(self._settings, fresh)
        self._after("published", folder)
        shelf.publish(folder, {month: one.folder for month, one in {**before, **fresh}.items()})

    def _no_times(self, store: Store, coverage: Coverage, end: date | None) -> list[RuleCount]:
        """Events that are in no month: still to come, or of no century; asked only where there may be some."""
        found = []
        if end is None and max(coverage.sizes, default=date.min) >= self._ahead.date():
            later = pieces_of(TRIPS_ENDED, store, coverage.files, self._ahead, None)
            found.append(RuleCount(None, FUTURE, 0, 0, count_events(self._spark, self._of_tasks, later, self._ahead)))
        if coverage.undated:
            undated = pieces_of(TRIPS_ENDED, store, coverage.undated, None, None, backfilled=False)
            rows = count_events(self._spark, self._of_tasks, undated, None)
            found.append(RuleCount(None, TIME_UNKNOWN, 0, 0, rows))
        return found

    def _lap(self, done: Curated, step: str, since: float) -> None:
        done.seconds[step] = round(done.seconds.get(step, 0) + time.monotonic() - since, 2)


def _ahead(settings: Settings) -> datetime:
    """From when on records are of the future: the declared end of a replay, or the next minute."""
    if settings.horizon is not None:
        return parse_horizon(settings.horizon) + timedelta(milliseconds=1)
    return datetime.now(UTC) + timedelta(minutes=1)


def _span(months: list[date]) -> str:
    first, last = f"{months[0]:%Y-%m}", f"{months[-1]:%Y-%m}"
    return first if first == last else f"{first} to {last}"
