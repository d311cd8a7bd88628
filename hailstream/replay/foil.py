"""The fare files of the 2013 FOIL release; its trip files are read as any other trips.

A fare belongs to the trip with the same vehicle, driver and pick-up time.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hailstream.replay.blocks import Block
from hailstream.replay.columns import AMOUNTS, BY_NAME
from hailstream.replay.layouts import Layout
from hailstream.replay.rejects import Check, apply_checks
from hailstream.replay.rows import Read, Span, torn_rejects
from hailstream.replay.values import parse

_NAMES = ("pickup_time", "driver_id", "vehicle_id", "payment_type", *AMOUNTS)
_KINDS = {name: BY_NAME[name].kind for name in _NAMES}


def read_trip_fares(_layout: Layout, block: Block, _path: Path, _span: Span) -> Read:
    """Fares of a block, with the columns that tell their trip."""
    parsed = parse(block.rows, _KINDS)
    missing = Check(pl.col("pickup_time").is_null(), "missing_time", "pickup_time")
    rows, rejects = apply_checks(parsed.rows, block.rows, [missing])
    return Read(rows, pl.concat([torn_rejects(block), parsed.rejects, rejects]).sort("row"))
