"""Reconcile: recompute, compare, correct."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from hailstream.archive.manifest import Manifest, counted_files, read_manifest
from hailstream.archive.months import Month, beside, published_months
from hailstream.archive.pieces import PIECE_BYTES, ROW_BYTES, pieces_of, tasks_of
from hailstream.archive.store import open_store
from hailstream.batch.runs import BatchRun
from hailstream.clickhouse import reachable
from hailstream.decode import reasons
from hailstream.domain.millis import from_ms, to_ms
from hailstream.errors import HailstreamError
from hailstream.flink.event_time import parse_horizon
from hailstream.reconcile.comparison import Comparison
from hailstream.reconcile.corrections import write
from hailstream.reconcile.found import found_tasks, require_no_newer_generation
from hailstream.reconcile.reach import Reach, behind_archive, reach_of
from hailstream.reconcile.result import TableResult
from hailstream.reconcile.spans import Span, backfilled_spans, bounds, clipped, merged
from hailstream.reconcile.tasks import Plan, Recomputed
from hailstream.reconcile.trips import TripTable
from hailstream.reconcile.windows import WindowTable
from hailstream.settings import Settings
from hailstream.windows import METRICS

if TYPE_CHECKING:
    from pyspark import SparkContext

_AHEAD: Final = timedelta(minutes=1)
#: No row's time is so long before its first event.
_BEFORE: Final = timedelta(minutes=1)
#: Rows that one task compares, about, where there are more than events.
_SHARE_ROWS: Final = 500_000


class Reconciler:
    """Recomputes tables from the archive in Spark's tasks and compares ClickHouse with that.

    Args:
        spark: of :func:`hailstream.spark.context.open_context`.
        settings: namespace, archive, disorder and horizon as the jobs have them.
        say: told what is going on, a line each.
    """

    def __init__(self, spark: SparkContext, settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
        self._spark = spark
        # A task has a working folder of its own, in which a relative home would be another.
        self._settings = settings.model_copy(update={"home": settings.home_dir})
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
        manifest = read_manifest(open_store(again.table.events, self._settings))
        if not manifest.partitions:
            return None
        given = (again.table, manifest, self._settings, self._horizon())
        return reach_of(self._spark, *given, by_record=again.by_record)

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
        settings, table = self._settings, again.table
        require_no_newer_generation(table, settings, spans)
        begin, end = bounds(spans)
        self._say(f"{table.name}: computing {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC again")
        manifest = read_manifest(open_store(table.events, settings))
        with self._comparison(again, manifest, spans, reach) as comparison:
            found = comparison.found()
            result = TableResult(table, begin, end, held_by, again.overlap, found.events, found.groups)
            if again.by_record and manifest.partitions and result.differing:
                # What the stream has read since may be what differs.
                comparison.hold_back(behind_archive(table, manifest, settings))
                result = replace(result, groups=comparison.found().groups)
            if run is None or not result.differing:
                return result
            self._say(f"{table.name}: writing {result.differing:,} corrected rows")
            return replace(result, corrected=write(table, comparison.insert, settings, run.number))

    def _comparison(
        self, again: Recomputed, manifest: Manifest, spans: Sequence[Span], reach: Reach | None
    ) -> Comparison:
        settings, table = self._settings, again.table
        needed = merged(again.records_of(begin, end) for begin, end in spans)
        store = open_store(table.events, settings)
        pieces = pieces_of(table.events, store, counted_files(store, manifest), *bounds(needed))
        size = sum(piece.size for piece in pieces)
        rows = again.most_rows(size // ROW_BYTES, spans)
        shares = max(settings.spark_partitions, size // PIECE_BYTES, rows // _SHARE_ROWS)
        waiting = sorted(reach.waiting) if reach is not None else []
        plan = Plan(
            again=again,
            settings=settings,
            division=again.division(spans, shares),
            spans=spans,
            records=needed,
            complete=manifest.complete,
            horizon_ms=None if settings.horizon is None else self._horizon(),
            future=self._future(again) if settings.horizon is None else None,
            read=None if reach is None else reach.read,
            waiting=pa.table({table.keys[0]: pa.array(waiting, pa.string())}) if waiting else None,
        )
        tasks = tasks_of(pieces, self._spark.defaultParallelism)
        return Comparison(self._spark, plan, tasks, found_tasks(table, settings, spans))

    def _future(self, again: Recomputed) -> pa.Table:
        """Live, the clock decided what was from the future, and only the stream knows."""
        query = (
            "SELECT toInt32(partition) AS kafka_partition, toInt64(offset) AS kafka_offset FROM rejected"
            " WHERE topic = {topic:String} AND reason = {reason:String}"
        )
        asked = {"topic": again.table.events.name(self._settings.namespace), "reason": reasons.FUTURE}
        with reachable(self._settings, database=self._settings.database) as client:
            return client.query_arrow(query, asked)

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
    # With an hour, as those of months do.
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


def _told(reach: Reach | None) -> str:
    if reach is None:
        return "no event of the log is archived"
    parts = {"archive": reach.archive, "job": reach.job, "loader": reach.loader}
    return ", ".join(
        f"{name} has come to {from_ms(value):%Y-%m-%d %H:%M}" for name, value in parts.items() if value is not None
    )
