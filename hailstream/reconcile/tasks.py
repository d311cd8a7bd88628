"""What the tasks of a comparison do: read, divide what was read, and compare a share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from hailstream.archive.layout import EVENT
from hailstream.archive.pieces import Piece
from hailstream.archive.records import read_records, read_types
from hailstream.duck.database import open_database, rows_of
from hailstream.reconcile.columns import KeyedTable
from hailstream.reconcile.corrections import corrected_rows, insert_rows
from hailstream.reconcile.drift import EQUAL, WAITING, Group, compare, explained, groups, without
from hailstream.reconcile.found import found_rows, found_schema
from hailstream.reconcile.log_times import Offsets, below_sql
from hailstream.reconcile.shares import ByKey, ByTime
from hailstream.reconcile.spans import Span, bounds, inside
from hailstream.reconcile.trips import TripTable
from hailstream.reconcile.windows import WindowTable
from hailstream.settings import Settings
from hailstream.spark.parts import pack, unpack

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


def archived(pieces: Sequence[Piece], plan: Plan) -> Iterator[tuple[int, Part]]:
    """Events of some pieces, by share.

    Raises:
        HailstreamError: a file cannot be read.
    """
    again = plan.again
    columns = tuple(dict.fromkeys((*_CHOSEN_BY, *again.columns)))
    records = chosen(read_records(again.table.events, plan.settings, pieces, columns), plan)
    read = records.num_rows
    for share, rows in plan.division.of_events(again.events(records, plan.settings), again.events_by):
        yield share, Part(events=pack(rows), read=read)
        read = 0
    if read:
        yield 0, Part(read=read)


def chosen(records: pa.Table, plan: Plan) -> pa.Table:
    """What of records rows are made of: events of the ranges, of the log only what the stream had to read."""
    tests = [
        f"kind = '{EVENT}'",
        f"(kafka_partition IS NULL OR {below_sql(plan.complete)})",
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
    query = f"SELECT {columns}, unix_millis(record_time) AS record_ms FROM records WHERE {' AND '.join(tests)}"
    with open_database(views, threads=1) as database:
        found = rows_of(database, query)
    # A range of records has its begin and not its end, where one of rows is the other way round.
    asked = inside(found["record_ms"].to_numpy() + 1, plan.records)
    return found.drop_columns(["record_ms"]).filter(pa.array(asked))


def said(spans: Sequence[Span], plan: Plan) -> Iterator[tuple[int, Part]]:
    """Rows that ClickHouse has in some ranges, by share.

    Raises:
        HailstreamError: ClickHouse cannot be reached.
    """
    rows = found_rows(plan.again.table, plan.settings, spans)
    for share, some in plan.division.of_rows(rows, plan.again.rows_by):
        yield share, Part(found=pack(some))


def compare_share(share: int, parts: Iterable[tuple[int, Part]], plan: Plan) -> Iterator[Compared]:
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
        "found": unpack(found) if found else found_schema(table).empty_table(),
    }
    if plan.waiting is not None:
        views["waiting"] = plan.waiting
    spans = plan.division.spans(share, plan.spans)
    unread = "false" if plan.read is None else f"NOT {below_sql(plan.read)}"
    with open_database(views, threads=1) as database:
        truth = rows_of(database, again.truth_sql("events"))
        database.register("truth", truth.filter(pa.array(inside(truth[table.time].to_numpy(), spans))))
        counts = compare(
            database,
            table,
            truth="truth",
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


def without_rows(share: Compared, table: KeyedTable, held: frozenset[str]) -> Compared:
    """A share without its rows; those with some keys are on their way after all."""
    if not held or not share.differing:
        return Compared(share.events, share.rows, share.groups)
    return Compared(share.events, share.rows, groups(table, without(table, unpack([share.differing]), held)))


def insert_share(share: Compared, table: KeyedTable, held: frozenset[str], staged: str, settings: Settings) -> int:
    """Put into a table what corrects a share; how many rows.

    Raises:
        HailstreamError: ClickHouse cannot be reached or refuses.
    """
    if not share.differing:
        return 0
    differing = unpack([share.differing])
    return insert_rows(staged, corrected_rows(table, without(table, differing, held) if held else differing), settings)
