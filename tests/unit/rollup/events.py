"""Events as a decoded batch, and what they come to, counted one by one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from hailstream.decode.arrays import Array
from hailstream.decode.rows import Column, Decoded
from hailstream.rollup.packing import MINUTE_MS, pack_minutes, packed_schema
from hailstream.windows import WindowedMetric

Event = dict[str, Any]
_TEXT = ("trip_id", "driver_id")


def made_up(rng: random.Random, metric: WindowedMetric, count: int, minutes: int) -> list[Event]:
    """Events of a few minutes, zones and drivers; some are copies, and some of these disagree."""
    events: list[Event] = []
    for _ in range(count):
        trip = {"trip_id": f"trip {rng.randrange(count)}", "zone_id": rng.randrange(1, 6)}
        trip |= {"time": rng.randrange(minutes * MINUTE_MS)}
        for column in metric.columns:
            known = rng.random() < 0.8
            trip[column] = f"driver {rng.randrange(9)}" if column == "driver_id" else rng.randrange(-5, 9_999)
            if column == "kept":
                trip[column] = rng.randrange(2)
            elif column in ("driver_id", "passengers") and not known:
                trip[column] = None
        events.append(trip)
        if rng.random() < 0.2:
            events.append(dict(trip))
    rng.shuffle(events)
    return events


def decoded(metric: WindowedMetric, events: Sequence[Event | None]) -> Decoded:
    """A batch of events; None is a row that is none."""
    present = np.array([event is not None for event in events], np.bool_)
    columns = {}
    for name in ("trip_id", "zone_id", *metric.columns):
        values = [None if event is None else event[name] for event in events]
        valid = np.array([value is not None for value in values], np.bool_)
        filled = values if name in _TEXT else [value or 0 for value in values]
        columns[name] = Column(np.array(filled, object if name in _TEXT else np.int64), valid)
    nothing = np.full(len(events), None, object)
    return Decoded(present, nothing, nothing, columns)


def pack(metric: WindowedMetric, events: Sequence[Event | None], chosen: Sequence[bool] | None = None) -> Array:
    """What :func:`pack_minutes` makes of a batch, by default of all its events."""
    batch = decoded(metric, events)
    times = np.array([0 if event is None else event["time"] for event in events], np.int64)
    rows = batch.present if chosen is None else np.array(chosen, np.bool_)
    partitions = np.array([0 if event is None else event.get("partition", 0) for event in events], np.int32)
    return pack_minutes(packed_schema(metric), batch, times, partitions, rows)


def counted(metric: WindowedMetric, events: Sequence[Event]) -> dict[int, dict[int, dict[str, Any]]]:
    """Measures of every minute and zone; of distinct values the set of them."""
    copies: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for event in events:
        copies[event["time"] // MINUTE_MS, event["trip_id"]].append(event)
    found: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)
    for (minute, _), same in copies.items():
        trip = {
            name: min((one[name] for one in same if one[name] is not None), default=None)
            for name in ("zone_id", *metric.columns)
        }
        zone = found[minute].setdefault(trip["zone_id"], defaultdict(int))
        zone["duplicates"] += len(same) - 1
        for measure in metric.measures:
            value = None if measure.aggregate == "count" else _value(measure.value, trip)
            if measure.aggregate == "count_distinct":
                zone[measure.name] = (zone[measure.name] or set()) | ({value} - {None})
            elif measure.aggregate == "sum":
                zone[measure.name] += value or 0
            else:
                zone[measure.name] += measure.aggregate == "count" or value is not None
    return found


def _value(expression: str, trip: dict[str, Any]) -> Any:
    by_hand = {
        "fare_cents * fare_cents": lambda: trip["fare_cents"] ** 2,
        "1 - kept": lambda: 1 - trip["kept"],
    }
    return by_hand[expression]() if expression in by_hand else trip[expression]
