"""One table held against the archive by Spark's tasks: each reads, divides what it read, and compares a share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from hailstream.archive.layout import EVENT
from hailstream.archive.pieces import Piece
from hailstream.archive.records import read_records, read_types
from hailstream.duck.database import open_database, rows_of
from hailstream.reconcile.columns import KeyedTable
from hailstream.reconcile.corrections import corrected_rows, insert_rows
from hailstream.reconcile.drift import EQUAL, WAITING, Group, compare, explained, groups, summed, without
from hailstream.reconcile.found import found_rows
from hailstream.reconcile.log_times import Offsets, below_sql
from hailstream.reconcile.shares import ByKey, ByTime
from hailstream.reconcile.spans import Span, any_of, bounds
from hailstream.reconcile.trips import TripTable
from hailstream.reconcile.windows import WindowTable
from hailstream.settings import Settings
from hailstream.spark.parts import pack, unpack

if TYPE_CHECKING:
    from pyspark import RDD
    from pyspark.sql import SparkSession

#: A table that can be computed again.
Recomputed = WindowTable | TripTable
#: What chooses records, besides the columns that rows are made of.
_CHOSEN_BY: Final = ("kind", "record_time", "kafka_partition", "kafka_offset")


@dataclass(frozen=True)
class Plan:
    """What is the same for all tasks.

    Attributes:
        spans: of the rows.
        records: times of the records that they are made of, ``end`` excluded.
        complete: offsets below which the archive has the log without a gap.
        horizon_ms: what is later in the log is no record.
        future: partition and offset of records that the stream took for ones from the future.
        read: offsets below which the stream has read; None: it is not known.
        waiting: keys of rows that are not loaded yet.
    """

    again: Recomputed
    settings: Settings
    division: ByTime | ByKey
    spans: Sequence[Span]
    records: Sequence[Span]
    complete: Offsets
    horizon_ms: int | None
    future: pa.Table | None
    read: Offsets | None
    waiting: pa.Table | None


@dataclass(frozen=True)
class Part:
    """Rows for a share, packed.

    Attributes:
        events: that its rows are made of.
        found: rows that ClickHouse has.
        read: how many events were read for this part and others of the same task.
    """

    events: bytes | None = None
    found: bytes | None = None
    read: int = 0


@dataclass(frozen=True)
class Compared:
    """What became of a share.

    Attributes:
        events: how many were read; an event of two shares counts once.
        rows: how many there are by kind.
        groups: of the differing ones.
        differing: these, packed; empty where there is none.
    """

    events: int
    rows: Mapping[str, int]
    groups: Sequence[Group] = ()
    differing: bytes = field(default=b"", repr=False)


class Comparison:
    """The rows of a table that differ, kept where they were found until this is left.

    Args:
        pieces: of the archive, as tasks read them together.
        asked: what tasks ask ClickHouse for.
    """

    def __init__(
        self, spark: SparkSession, plan: Plan, pieces: Sequence[Sequence[Piece]], asked: Sequence[Sequence[Span]]
    ) -> None:
        self._plan = plan
        self._held: frozenset[str] = frozenset()
        tasks = [*(partial(_archived, one) for one in pieces), *(partial(_said, one) for one in asked)]
        self._compared: RDD[Compared] = (
            spark.sparkContext.parallelize(tasks, max(1, len(tasks)))
            .flatMap(lambda task: task(plan))
            .partitionBy(plan.division.count, int)
            .mapPartitionsWithIndex(partial(_compare, plan=plan))
        )

    def __enter__(self) -> Self:
        from pyspark import StorageLevel

        self._compared.persist(StorageLevel.MEMORY_AND_DISK)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._compared.unpersist()

    def found(self) -> Compared:
        """What became of all shares together, without the rows themselves.

        Raises:
            HailstreamError: inside the tasks: the archive cannot be read, or ClickHouse not be reached.
        """
        shares = self._compared.map(partial(_told, table=self._plan.again.table, held=self._held)).collect()
        kinds = {kind for share in shares for kind in share.rows}
        rows = {kind: sum(share.rows.get(kind, 0) for share in shares) for kind in kinds}
        together = summed(group for share in shares for group in share.groups)
        alike = [Group(kind, "", None, None, rows.get(kind, 0), {}) for kind in (EQUAL, WAITING)]
        return Compared(sum(share.events for share in shares), rows, [*alike, *together])

    def hold_back(self, keys: Collection[str]) -> None:
        """Take rows with these keys for ones that are on their way."""
        self._held = frozenset(keys)

    def insert(self, staged: str) -> int:
        """Put the rows that correct those that differ into a table; how many.

        Raises:
            HailstreamError: inside the tasks: ClickHouse cannot be reached or refuses.
        """
        plan = self._plan
        insert = partial(_insert, table=plan.again.table, held=self._held, staged=staged, settings=plan.settings)
        return int(self._compared.map(insert).sum())


def _archived(pieces: Sequence[Piece], plan: Plan) -> Iterator[tuple[int, Part]]:
    """Events of some pieces, by share."""
    again, read = plan.again, 0
    columns = tuple(dict.fromkeys((*_CHOSEN_BY, *again.columns)))
    records = read_records(again.table.events, plan.settings, pieces, columns)
    chosen = _chosen(records, plan)
    read = int(chosen.num_rows)
    shares = plan.division.of_events(again.events(chosen, plan.settings), again.events_by)
    for share, rows in shares:
        yield share, Part(events=pack(rows), read=read)
        read = 0
    if read:
        yield 0, Part(read=read)


def _chosen(records: pa.Table, plan: Plan) -> pa.Table:
    tests = [
        f"kind = '{EVENT}'",
        f"(kafka_partition IS NULL OR {below_sql(plan.complete)})",
        f"({any_of('unix_millis(record_time)', plan.records, '{0} >= {1} AND {0} < {2}')})",
    ]
    if plan.horizon_ms is not None:
        # It is the stream's: what a file has is no record of the future.
        tests.append(f"(kafka_partition IS NULL OR unix_millis(record_time) <= {plan.horizon_ms})")
    views = {"records": records}
    if plan.future is not None:
        views["future"] = plan.future
        told = "(kafka_partition, kafka_offset) IN (SELECT (kafka_partition, kafka_offset) FROM future)"
        tests.append(f"(kafka_partition IS NULL OR NOT {told})")
    columns = ", ".join(plan.again.columns)
    with open_database(views, threads=1) as database:
        return rows_of(database, f"SELECT {columns} FROM records WHERE {' AND '.join(tests)}")


def _said(spans: Sequence[Span], plan: Plan) -> Iterator[tuple[int, Part]]:
    """Rows that ClickHouse has in some ranges, by share."""
    rows = found_rows(plan.again.table, plan.settings, spans)
    for share, some in plan.division.of_rows(rows, plan.again.rows_by):
        yield share, Part(found=pack(some))


def _compare(share: int, parts: Iterable[tuple[int, Part]], plan: Plan) -> Iterator[Compared]:
    """The rows of a share that there should be, held against those that there are."""
    again, table, settings = plan.again, plan.again.table, plan.settings
    given = [part for _, part in parts]
    read = sum(part.read for part in given)
    events = [part.events for part in given if part.events is not None]
    found = [part.found for part in given if part.found is not None]
    if not events and not found:
        yield Compared(read, {})
        return
    views = {
        "events": unpack(events) if events else _no_events(plan),
        "found": unpack(found) if found else found_rows(table, settings, ()),
    }
    if plan.waiting is not None:
        views["waiting"] = plan.waiting
    spans = plan.division.spans(share, plan.spans)
    unread = "false" if plan.read is None or not again.by_record else f"NOT {below_sql(plan.read)}"
    with open_database(views, threads=1) as database:
        counts = compare(
            database,
            table,
            truth=f"SELECT * FROM ({again.truth_sql('events')}) WHERE {any_of(table.time, spans)}",
            found="found",
            waiting=None if plan.waiting is None else "waiting",
            unread=unread,
        )
        if not counts.keys() - {EQUAL, WAITING}:
            yield Compared(read, counts)
            return
        late = again.late(settings, *bounds(spans))
        differing = explained(database, table, settings.generation, late)
    yield Compared(read, counts, groups(table, differing), pack(differing))


def _no_events(plan: Plan) -> pa.Table:
    types = read_types(plan.again.table.events, plan.again.columns)
    return plan.again.events(pa.schema(list(types.items())).empty_table(), plan.settings)


def _told(share: Compared, table: KeyedTable, held: frozenset[str]) -> Compared:
    """A share without its rows."""
    if not held or not share.differing:
        return Compared(share.events, share.rows, share.groups)
    return Compared(share.events, share.rows, groups(table, without(table, unpack([share.differing]), held)))


def _insert(share: Compared, table: KeyedTable, held: frozenset[str], staged: str, settings: Settings) -> int:
    if not share.differing:
        return 0
    differing = unpack([share.differing])
    return insert_rows(staged, corrected_rows(table, without(table, differing, held) if held else differing), settings)
