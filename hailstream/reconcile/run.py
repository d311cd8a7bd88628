"""Reconcile: recompute, compare, correct."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hailstream.archive.layout import EVENT
from hailstream.archive.manifest import Manifest, read_manifest
from hailstream.archive.months import Month, beside, published_months
from hailstream.archive.store import Store, open_store
from hailstream.batch.runs import BatchRun
from hailstream.clickhouse import reachable
from hailstream.decode import reasons
from hailstream.domain.millis import from_ms, to_ms
from hailstream.errors import HailstreamError
from hailstream.flink.event_time import parse_horizon
from hailstream.reconcile.corrections import corrected_rows, write
from hailstream.reconcile.drift import EQUAL, WAITING, Group, compare, differs, groups, without
from hailstream.reconcile.found import found_rows, require_no_newer_generation
from hailstream.reconcile.reach import Offsets, Reach, behind_archive, reach_of
from hailstream.reconcile.result import TableResult
from hailstream.reconcile.spans import Span, any_of, backfilled_spans, bounds, clipped, merged
from hailstream.reconcile.trips import TripTable
from hailstream.reconcile.windows import WindowTable
from hailstream.settings import Settings
from hailstream.spark.archive import read_records
from hailstream.spark.counted import Counted
from hailstream.windows import METRICS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

#: A table that can be computed again.
Recomputed = WindowTable | TripTable

_AHEAD: Final = timedelta(minutes=1)
#: No row's time is so long before its first event.
_BEFORE: Final = timedelta(minutes=1)


class Reconciler:
    """Recomputes tables from the archive with Spark and compares ClickHouse with that.

    Args:
        spark: a session of :func:`hailstream.spark.session.open_session`.
        settings: namespace, archive, disorder and horizon as the jobs have them.
        say: told what is going on, a line each.
    """

    def __init__(self, spark: SparkSession, settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
        self._spark = spark
        self._settings = settings
        self._say = say

    def reconcile(
        self, again: Recomputed, begin: datetime | None, end: datetime | None, run: BatchRun | None
    ) -> TableResult:
        """Compare one table, and correct it where a run is given that may write.

        Args:
            begin, end: rows whose time is in (begin, end]; None: from the first event, up to what is final.

        Raises:
            HailstreamError: the archive has nothing or lacks records in the range, the table is of a newer
                generation, or a server is away. Nothing is written then.
        """
        events, store = again.table.events, open_store(again.table.events, self._settings)
        manifest, months = read_manifest(store), published_months(beside(store))
        topic = events.name(self._settings.namespace)
        if not manifest.partitions and not months:
            raise HailstreamError(
                f"the archive of {topic} in {store.root} is empty",
                hint="`hailstream jobs run archive` fills it, `hailstream batch backfill` with monthly files",
            )
        reach = self.reach(again)
        if reach is not None:
            _require_whole(topic, manifest, reach, end)
        spans, held_by = final_spans(again, reach, months)
        if not spans and reach is not None and reach.first is None:
            raise HailstreamError(f"the archive of {topic} in {store.root} holds no event")
        if begin is not None and spans:
            # Asked for, a range has no holes: what the archive has nothing of should have no rows.
            spans = [(begin, bounds(spans)[1])]
        if end is not None and spans and end < bounds(spans)[1]:
            held_by = "the range"
        wanted = clipped(spans, begin, end)
        if not wanted:
            asked = "".join(f" {word} {at:%Y-%m-%d %H:%M}" for word, at in (("from", begin), ("to", end)) if at)
            raise HailstreamError(
                f"{again.table.name}: nothing{asked} is final; {_told(reach)}",
                hint="wait for it, or ask for an earlier range",
            )
        return self.compare(again, wanted, held_by, run, reach)

    def reach(self, again: Recomputed) -> Reach | None:
        """How far the stream's part of a table is final; None where nothing of the log is archived.

        Raises:
            HailstreamError: a server is away.
        """
        events, store = again.table.events, open_store(again.table.events, self._settings)
        manifest = read_manifest(store)
        if not manifest.partitions:
            return None
        everything = read_records(self._spark, events, store, manifest, None, None, backfilled=False)
        return reach_of(again.table, everything, self._settings, self._horizon(), by_record=again.by_record)

    def compare(
        self,
        again: Recomputed,
        spans: Sequence[Span],
        held_by: str,
        run: BatchRun | None,
        reach: Reach | None = None,
    ) -> TableResult:
        """Compare the rows of some ranges, all of which must be final; see :meth:`reconcile`.

        Args:
            reach: tells what of a table whose rows are of one record each is on its way.
        """
        from pyspark.sql import functions as f

        settings, table = self._settings, again.table
        require_no_newer_generation(table, settings, spans)
        begin, end = bounds(spans)
        self._say(f"{table.name}: computing {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC again")
        store = open_store(table.events, settings)
        manifest = read_manifest(store)
        kind = f.col("kind")
        read = Counted(self._records(again, store, manifest, spans), events=kind == EVENT)
        compared = Counted(self._compared(again, read.rows, reach, spans), equal=kind == EQUAL, waiting=kind == WAITING)
        # Most rows are equal: of those it is kept how many there are.
        differing = compared.rows.where(differs()).persist()
        try:
            found, rest = groups(table, differing), differing
            if again.by_record and manifest.partitions and found:
                # What the stream has read since may be what differs.
                rest = without(table, differing, behind_archive(table, manifest, settings))
                found = groups(table, rest)
            rows = compared.counts()
            alike = [
                Group(EQUAL, "", None, None, rows["equal"], {}),
                Group(WAITING, "", None, None, rows["waiting"], {}),
            ]
            events = read.counts()["events"]
            result = TableResult(table, begin, end, held_by, again.overlap, events, [*alike, *found])
            if run is None or not result.differing:
                return result
            self._say(f"{table.name}: writing {result.differing:,} corrected rows")
            return replace(result, corrected=write(table, corrected_rows(table, rest), settings, run.number))
        finally:
            differing.unpersist()

    def _compared(self, again: Recomputed, records: DataFrame, reach: Reach | None, spans: Sequence[Span]) -> DataFrame:
        spark, settings, table = self._spark, self._settings, again.table
        truth = again.truth(spark, records, settings).where(any_of(table.time, spans))
        waiting = [(key,) for key in sorted(reach.waiting)] if reach is not None else []
        return compare(
            table,
            truth,
            found_rows(spark, table, settings, spans),
            late=again.late(spark, settings, *bounds(spans)),
            generation=settings.generation,
            unread=None if reach is None or reach.read is None else _unread(reach.read),
            waiting=spark.createDataFrame(waiting, f"`{table.keys[0]}` string") if waiting else None,
        )

    def _records(self, again: Recomputed, store: Store, manifest: Manifest, spans: Sequence[Span]) -> DataFrame:
        """What the rows of those ranges are made of."""
        topic = again.table.events
        needed = merged(again.records_of(begin, end) for begin, end in spans)
        records = read_records(self._spark, topic, store, manifest, *bounds(needed))
        if len(needed) > 1:
            records = records.where(any_of("unix_millis(record_time)", needed, "{0} >= {1} AND {0} < {2}"))
        if self._settings.horizon is not None:
            # It is the stream's: what a file has is no record of the future.
            return records.where(f"kafka_partition IS NULL OR unix_millis(record_time) <= {self._horizon()}")
        # Live, the clock decided what was from the future, and only the stream knows.
        query = (
            "SELECT toInt32(partition), toInt64(offset) FROM rejected"
            " WHERE topic = {topic:String} AND reason = {reason:String}"
        )
        asked = {"topic": topic.name(self._settings.namespace), "reason": reasons.FUTURE}
        with reachable(self._settings, database=self._settings.database) as client:
            future = client.query(query, asked).result_rows
        if not future:
            return records
        places = self._spark.createDataFrame(future, "kafka_partition int, kafka_offset long")
        return records.join(places, ["kafka_partition", "kafka_offset"], "left_anti")

    def _horizon(self) -> int:
        """Records beyond it are none (ms): the declared end of a replay, or the next minute."""
        horizon = self._settings.horizon
        return to_ms(datetime.now(UTC) + _AHEAD if horizon is None else parse_horizon(horizon))


def window_tables() -> list[WindowTable]:
    """Those of all windowed metrics."""
    return [WindowTable(metric) for metric in METRICS.values()]


def chosen_tables(names: Sequence[str]) -> list[Recomputed]:
    """Tables by name; all for none.

    Raises:
        HailstreamError: there is no table of a name that can be computed again.
    """
    every: list[Recomputed] = [*window_tables(), TripTable()]
    tables = {again.table.name: again for again in every}
    for name in names:
        if name not in tables:
            raise HailstreamError(
                f"no table {name!r} that can be computed again",
                hint=f"the tables are: {', '.join(tables)}",
                exit_code=2,
            )
    return [tables[name] for name in dict.fromkeys(names)] or list(tables.values())


def final_spans(again: Recomputed, reach: Reach | None, months: Sequence[Month]) -> tuple[list[Span], str]:
    """The rows of which batch can say the last word, and what keeps it from saying more.

    Those up to which the stream has come, and those of backfilled months that it has come to or that lie
    before the first event of its log.

    Args:
        reach: of the stream; None where nothing of the log is archived: then it holds nothing back.
    """
    filed, final = backfilled_spans(again.table.events, again.lasting, months), final_until(reach)
    if reach is None or reach.first is None or final is None:
        return filed, "the files"
    # With an hour, as those of months do; see any_of.
    begin = (from_ms(reach.first) - _BEFORE).replace(minute=0, second=0, microsecond=0)
    log = clipped([(begin, from_ms(reach.until))], None, None)
    return merged([*log, *clipped(filed, None, final)]), reach.held_by


def final_until(reach: Reach | None) -> datetime | None:
    """Up to where the rows of backfilled months are final; None: all are, as the stream has nothing to say.

    What lies before the first event of the log, no stream will say.
    """
    if reach is None or reach.first is None:
        return None
    return from_ms(max(reach.first, reach.until))


def _require_whole(topic: str, manifest: Manifest, reach: Reach, end: datetime | None) -> None:
    """Refuse a range that a hole is in; one that ends before it is as good as any."""
    if manifest.doubled or (manifest.gaps and (end is None or to_ms(end) > reach.archive)):
        raise HailstreamError(
            f"the archive of {topic} is not whole: {'; '.join(manifest.gaps)}",
            hint=f"bring its files back, or ask for a range: --to {from_ms(reach.archive):%Y-%m-%dT%H:%M} lies before "
            "every hole; while job archive publishes files there may be one for a moment",
        )


def _unread(read: Offsets) -> Column:
    """Whether a row is of a record that no job has come to; one of no partition is of no log."""
    from pyspark.sql import functions as f

    unread = f.lit(False)
    for number, end in read.items():
        unread |= (f.col("kafka_partition") == number) & (f.col("kafka_offset") >= end)
    return f.coalesce(unread, f.lit(False))


def _told(reach: Reach | None) -> str:
    if reach is None:
        return "no event of the log is archived"
    parts = {"archive": reach.archive, "job": reach.job, "loader": reach.loader}
    return ", ".join(
        f"{name} has come to {from_ms(value):%Y-%m-%d %H:%M}" for name, value in parts.items() if value is not None
    )
