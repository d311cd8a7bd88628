"""Ride and fare events of the Flink training: one row is one event of a ride.

The third column is always the event's own time; in END rows the fourth is
the start. A fare is joined to its ride's END on the ride id. It gives tip,
tolls and total; the fare proper is not among them and stays null, because
what is left of the total also holds surcharges and tax.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hailstream.replay.blocks import Block
from hailstream.replay.columns import BY_NAME, Kind
from hailstream.replay.layouts import RIDE_COLUMNS, RIDE_FARE_COLUMNS, Layout
from hailstream.replay.rejects import Check, apply_checks
from hailstream.replay.rows import EMITS_END, EMITS_START, Read, Span, torn_rejects
from hailstream.replay.tlc import source_of
from hailstream.replay.values import parse, to_utc

_OWN = {"ride_id": Kind.TEXT, "event_type": Kind.TEXT, "event_time": Kind.TIME, "other_time": Kind.TIME}
_RIDE_KINDS = {name: _OWN.get(name) or BY_NAME[name].kind for name in RIDE_COLUMNS}
_FARE_KINDS = {name: _OWN.get(name) or BY_NAME[name].kind for name in RIDE_FARE_COLUMNS}
_NO_RIDE = Check(pl.col("ride_id").is_null(), "missing_ride_id", "ride_id")


def read_rides(layout: Layout, block: Block, path: Path, span: Span) -> Read:
    """Ride events of a block, with ``trip_id``, ``started_at``, ``ended_at`` (UTC, null for a START) and ``emits``."""
    parsed = parse(block.rows, _RIDE_KINDS)
    word = pl.col("event_type").str.to_uppercase()
    is_end = word == "END"
    other = pl.col("other_time")
    timed = parsed.rows.with_columns(
        event_at=to_utc("event_time"),
        trip_id=pl.concat_str(pl.lit("ride:"), "ride_id"),
        other_at=pl.when(is_end).then(to_utc("other_time")),
    ).with_columns(source_of(layout.label, path, "event_time"))
    checks = (
        Check(word.is_in(["START", "END"]).not_().fill_null(True), "bad_event_type", "event_type"),
        _NO_RIDE,
        Check(pl.col("event_time").is_null(), "missing_time", "event_time"),
        Check(is_end & other.is_null(), "missing_time", "other_time"),
        *span.checks("event_at"),
        *span.checks("other_at"),
    )
    rows, rejects = apply_checks(timed, block.rows, checks)
    wanted = span.holds("event_at").cast(pl.UInt8)
    rows = rows.with_columns(
        started_at=pl.when(is_end).then("other_at").otherwise("event_at"),
        ended_at=pl.when(is_end).then("event_at"),
        emits=wanted * pl.when(is_end).then(pl.lit(EMITS_END, pl.UInt8)).otherwise(pl.lit(EMITS_START, pl.UInt8)),
    )
    return Read(rows, pl.concat([torn_rejects(block), parsed.rejects, rejects]).sort("row"))


def read_ride_fares(_layout: Layout, block: Block, _path: Path, _span: Span) -> Read:
    """Fares of a block, with the ``trip_id`` of their ride."""
    parsed = parse(block.rows, _FARE_KINDS)
    rows, rejects = apply_checks(parsed.rows, block.rows, [_NO_RIDE])
    rows = rows.with_columns(trip_id=pl.concat_str(pl.lit("ride:"), "ride_id"))
    return Read(rows, pl.concat([torn_rejects(block), parsed.rejects, rejects]).sort("row"))
