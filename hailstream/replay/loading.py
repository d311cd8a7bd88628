"""From files to the store: every row read, judged, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from hailstream.replay.blocks import REJECT_SCHEMA, Block, originals
from hailstream.replay.events import SourceReport
from hailstream.replay.foil import read_trip_fares
from hailstream.replay.ids import FOIL_FARE_KEY, FOIL_ID_COLUMNS, TRIP_ID_COLUMNS, digest_sql
from hailstream.replay.layouts import Layout, Shape
from hailstream.replay.parquet import parquet_blocks
from hailstream.replay.rejects import RejectLog
from hailstream.replay.rides import read_ride_fares, read_rides
from hailstream.replay.rows import Read, Reader, Span
from hailstream.replay.sorting import EventStore
from hailstream.replay.text import text_blocks
from hailstream.replay.tlc import read_trips

_FARES = (Shape.TRIP_FARES, Shape.RIDE_FARES)
# Rows of one file are numbered from a multiple of this, so that a number tells file and row.
_SEQ_STEP = 1 << 40


@dataclass(frozen=True)
class Input:
    """A file whose layout is known.

    Attributes:
        rows: those of a Parquet file that are wanted, counted from 0; None: all.
    """

    path: Path
    layout: Layout
    is_parquet: bool
    rows: range | None = None

    def blocks(self) -> Iterator[Block]:
        if self.is_parquet:
            return parquet_blocks(self.path, self.layout, self.rows)
        return text_blocks(self.path, self.layout)


def load(inputs: Sequence[Input], store: EventStore, span: Span, limit: int | None, rejects_file: Path) -> SourceReport:
    """Read ``inputs`` into ``store``, up to ``limit`` rows that give an event.

    Raises:
        HailstreamError: a file cannot be read to its end, or the disk is full.
    """
    log = RejectLog(rejects_file)
    has_fares = any(i.layout.shape in _FARES for i in inputs)
    # A fare whose trip was not looked at proves nothing: only a whole reading accounts for fares.
    whole = limit is None and span.start is None and span.until is None
    accepted = left = 0
    if limit is not None:
        left = limit
    for index, source in enumerate(inputs):
        is_fares = source.layout.shape in _FARES
        reader = _reader(source.layout)
        for block in source.blocks():
            read = reader(block, source.path, span)
            if limit is not None and not is_fares:
                if left == 0:
                    break
                read, left = _within(read, left)
            log.add(str(source.path), read.rejects)
            _store(store, source.layout, block, read.rows, first_seq=index * _SEQ_STEP, has_fares=has_fares)
            accepted += read.rows.height
    if has_fares:
        unused = store.join_fares()
        if whole:
            accepted -= unused.height
            _log_unused(log, inputs, unused)
    return SourceReport(accepted + sum(log.counts.values()), accepted, log.counts, log.file)


def _within(read: Read, left: int) -> tuple[Read, int]:
    """The part of a block up to the ``left``-th row that gives an event, and how many are left then."""
    giving = read.rows.filter(pl.col("emits") > 0)["row"]
    if len(giving) < left:
        return read, left - len(giving)
    return read.up_to(int(giving[left - 1])), 0


def _store(
    store: EventStore, layout: Layout, block: Block, rows: pl.DataFrame, *, first_seq: int, has_fares: bool
) -> None:
    if rows.is_empty():
        return
    if layout.shape is Shape.TRIPS:
        columns = FOIL_ID_COLUMNS if layout.label == "foil" else TRIP_ID_COLUMNS
        fare_key = digest_sql("fare", FOIL_FARE_KEY, rows.columns) if has_fares and layout.label == "foil" else "NULL"
        store.add_events(
            rows, first_seq=first_seq, trip_id=digest_sql(layout.label, columns, rows.columns), fare_key=fare_key
        )
    elif layout.shape is Shape.RIDES:
        store.add_events(rows, first_seq=first_seq, trip_id="trip_id", fare_key="trip_id" if has_fares else "NULL")
    else:
        key = "trip_id" if layout.shape is Shape.RIDE_FARES else digest_sql("fare", FOIL_FARE_KEY, rows.columns)
        told = rows.join(originals(block.rows), on="row", maintain_order="left")
        store.add_fares(told, first_seq=first_seq, fare_key=key)


def _log_unused(log: RejectLog, inputs: Sequence[Input], unused: pl.DataFrame) -> None:
    for (index,), part in unused.group_by(pl.col("seq") // _SEQ_STEP, maintain_order=True):
        rejects = part.select(
            (pl.col("seq") % _SEQ_STEP).alias("row"), "reason", pl.lit(None, pl.String).alias("column"), "text"
        )
        log.add(str(inputs[int(str(index))].path), rejects.select(list(REJECT_SCHEMA)))


def _reader(layout: Layout) -> Reader:
    readers: Mapping[Shape, Callable[[Layout, Block, Path, Span], Read]] = {
        Shape.TRIPS: read_trips,
        Shape.TRIP_FARES: read_trip_fares,
        Shape.RIDES: read_rides,
        Shape.RIDE_FARES: read_ride_fares,
    }
    return partial(readers[layout.shape], layout)
