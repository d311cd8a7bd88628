"""Rows of trips from archived ends, made by what the stream makes them with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hailstream.archive.layout import event_fields
from hailstream.decode.columns import PICKUP, zone_ids
from hailstream.decode.fields import Field, Kind
from hailstream.decode.rows import Column, Decoded
from hailstream.decode.trips import TripMessages, trip_rows
from hailstream.topics import TRIPS_ENDED

_FIELDS: Final = {
    name: field
    for name, field in event_fields(TRIPS_ENDED).items()
    if field.name in ("trip_id", *PICKUP, *TripMessages.fields)
}
_PLACE: Final = ("kafka_partition", "kafka_offset")
#: The archive's columns that trips are made of.
TRIP_COLUMNS: Final = (*_PLACE, *_FIELDS)


def trips_of(ends: pa.Table, types: Mapping[str, pa.DataType], driver_secret: str | None) -> pa.Table:
    """A row for each end, with its place in the log: ``kafka_partition``, ``kafka_offset``.

    Args:
        ends: with :data:`TRIP_COLUMNS`.
        types: columns of trips to have; times as ms, amounts as cents.
        driver_secret: driver ids are hashed with it; None leaves them as they are.
    """
    events = {field.name: _column(_whole(ends[name]), field) for name, field in _FIELDS.items()}
    nobody = np.full(ends.num_rows, None, object)
    decoded = Decoded(np.ones(ends.num_rows, np.bool_), nobody, nobody, events)
    events["zone_id"] = Column(zone_ids(decoded, place=PICKUP), decoded.present)
    made = trip_rows(decoded, driver_secret).to_arrow()
    taken = {name: _as(_whole(made[name]), wanted) for name, wanted in types.items()}
    return pa.table({**{name: ends[name] for name in _PLACE}, **taken})


def _whole(values: pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks()


def _column(values: pa.Array, field: Field) -> Column:
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    if field.kind is Kind.STRING:
        return Column(values.to_numpy(zero_copy_only=False), valid)
    if field.kind is Kind.TIMESTAMP:
        values = pc.divide(values.cast(pa.timestamp("us")).cast(pa.int64()), 1000)
    nothing = float("nan") if field.kind is Kind.DOUBLE else 0
    return Column(values.fill_null(nothing).to_numpy(zero_copy_only=False), valid)


def _as(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    return (values.cast(pa.timestamp("ms")) if pa.types.is_timestamp(values.type) else values).cast(wanted)
