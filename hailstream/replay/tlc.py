"""Trips: one row gives a start and an end. All yellow, green and FOIL layouts are read here."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from hailstream.replay.blocks import Block
from hailstream.replay.columns import BY_NAME
from hailstream.replay.layouts import Layout
from hailstream.replay.rejects import Check, apply_checks
from hailstream.replay.rows import EMITS_END, EMITS_START, Read, Span, torn_rejects
from hailstream.replay.values import parse, to_utc

_MONTH = re.compile(r"(?<!\d)(20\d\d-(?:0[1-9]|1[0-2]))(?!\d)")
_KINDS = {name: column.kind for name, column in BY_NAME.items()}


def months_in(name: str) -> list[str]:
    """The months that a file's name has, such as 2024-01; each once."""
    return sorted(set(_MONTH.findall(name)))


def source_of(label: str, path: Path, time: str) -> pl.Expr:
    """Where an event came from: ``yellow:2024-01``.

    The month is the one in the file's name; where the name has none, or
    several, it is the month of the wall-clock time in the column ``time``.
    """
    months = months_in(path.name)
    if len(months) == 1:
        return pl.lit(f"{label}:{months[0]}").alias("source")
    return pl.format("{}:{}", pl.lit(label), pl.col(time).dt.strftime("%Y-%m")).alias("source")


def read_trips(layout: Layout, block: Block, path: Path, span: Span) -> Read:
    """Trips of a block: the columns of the file that are ours, ``started_at``, ``ended_at`` (UTC) and ``emits``."""
    parsed = parse(block.rows, _KINDS)
    timed = parsed.rows.with_columns(
        started_at=to_utc("pickup_time"),
        ended_at=to_utc("dropoff_time"),
    ).with_columns(source_of(layout.label, path, "pickup_time"))
    checks = (
        Check(pl.col("pickup_time").is_null(), "missing_time", "pickup_time"),
        Check(pl.col("dropoff_time").is_null(), "missing_time", "dropoff_time"),
        *span.checks("started_at"),
        *span.checks("ended_at"),
    )
    rows, rejects = apply_checks(timed, block.rows, checks)
    emits = (
        span.holds("started_at").cast(pl.UInt8) * EMITS_START + span.holds("ended_at").cast(pl.UInt8) * EMITS_END
    ).alias("emits")
    return Read(rows.with_columns(emits), pl.concat([torn_rejects(block), parsed.rejects, rejects]).sort("row"))
