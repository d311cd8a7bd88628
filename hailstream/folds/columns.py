"""From decoded events to what folds and rules read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.columns import DROPOFF, zone_ids
from hailstream.decode.rows import Column, Decoded
from hailstream.domain.alerts.single import EndedColumns
from hailstream.domain.alerts.thresholds import MINUTE_MS
from hailstream.folds.groups import Group
from hailstream.topics import Topic

_FIELDS: Final[Mapping[str, str]] = {
    "latitude": "pickup_latitude",
    "longitude": "pickup_longitude",
    "end_latitude": "dropoff_latitude",
    "end_longitude": "dropoff_longitude",
    "miles": "trip_distance_miles",
    "fare_cents": "fare_amount",
    "total_cents": "total_amount",
    "tip_cents": "tip_amount",
}


def fields_read(groups: Iterable[Group], topic: Topic) -> tuple[str, ...]:
    """The schema's fields that groups need of a topic."""
    names = {name for group in groups for name in group.columns.get(topic, ())}
    fields = {_FIELDS.get(name, name) for name in names - {"end_zone_id"}}
    if "end_zone_id" in names:
        fields |= set(DROPOFF)
    return tuple(sorted(fields))


def fold_columns(decoded: Decoded, names: Iterable[str], times: Array, seen: Array) -> dict[str, Column]:
    """The columns of packets, by the names of an event's fields.

    Args:
        decoded: with zone_id and the fields of :func:`fields_read`.
        names: those asked for, beside time, seen, trip_id and zone_id.
        times, seen: ms, of each row.
    """
    columns = {
        "time": Column(times, decoded.present),
        "seen": Column(seen, decoded.present),
        "trip_id": decoded["trip_id"],
        "zone_id": decoded["zone_id"],
    }
    for name in names:
        if name == "end_zone_id":
            columns[name] = Column(zone_ids(decoded, place=DROPOFF), decoded.present)
        elif name.endswith("itude"):  # a place that is not known is not a number
            columns[name] = Column(decoded[_FIELDS[name]].values, decoded.present)
        else:
            columns[name] = decoded[_FIELDS.get(name, name)]
    return columns


def ended_columns(decoded: Decoded, times: Array) -> EndedColumns:
    """What single-event rules read; a row that is no event has no duration either."""
    miles, fares, codes = (decoded[name] for name in ("trip_distance_miles", "fare_amount", "rate_code"))
    started = np.where(decoded.present, decoded["started_at"].values, times)
    return EndedColumns(times, started, miles.values, miles.valid, fares.values, fares.valid, codes.values, codes.valid)


def seen_in_batch(times: Array, partitions: Array, future: Mask, disorder_ms: int) -> Array:
    """Of each row its time, or the watermark of its partition within the batch if that is greater (ms)."""
    seen = times.copy()
    for partition in np.unique(partitions):
        rows = np.flatnonzero((partitions == partition) & ~future)
        seen[rows] = np.maximum(times[rows], np.maximum.accumulate(times[rows]) - disorder_ms)
    return seen


def first_of_minutes(times: Array, partitions: Array, future: Mask) -> Mask:
    """Which rows are the first of their partition and minute; rows of the future are none."""
    first = np.zeros(len(times), np.bool_)
    rows = np.flatnonzero(~future)
    _, begins = np.unique(partitions[rows].astype(np.int64) * 2**40 + times[rows] // MINUTE_MS, return_index=True)
    first[rows[begins]] = True
    return first
