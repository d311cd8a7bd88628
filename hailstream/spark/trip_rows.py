"""Trips from archived ends, by the function that the stream makes them with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hailstream.archive.layout import EVENT, event_fields
from hailstream.decode.columns import PICKUP, zone_ids
from hailstream.decode.fields import Field, Kind
from hailstream.decode.rows import Column, Decoded
from hailstream.decode.trips import TripMessages, trip_rows
from hailstream.topics import TRIPS_ENDED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_READ: Final = ("trip_id", *PICKUP, *TripMessages.fields)
_ARROW: Final = {"int": pa.int32(), "long": pa.int64(), "string": pa.string(), "double": pa.float64()}
_PLACE: Final = ("kafka_partition", "kafka_offset")


def trips_of(records: DataFrame, types: Mapping[str, str], driver_secret: str | None) -> DataFrame:
    """A row for each end among the records, with its place in the log: ``kafka_partition``, ``kafka_offset``.

    Args:
        records: of :func:`hailstream.spark.archive.read_records`.
        types: columns of trips to have, by Spark's types; times as ms, amounts as cents.
        driver_secret: driver ids are hashed with it; None leaves them as they are.
    """
    columns = {name: field for name, field in event_fields(TRIPS_ENDED).items() if field.name in _READ}

    def make(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield _trips(batch, columns, types, driver_secret)

    wanted = records.where(f"kind = '{EVENT}'").select(*_PLACE, *columns)
    declared = ", ".join(f"`{name}` {sql}" for name, sql in types.items())
    return wanted.mapInArrow(make, f"kafka_partition int, kafka_offset long, {declared}")


def _trips(
    batch: pa.RecordBatch, columns: Mapping[str, Field], types: Mapping[str, str], secret: str | None
) -> pa.RecordBatch:
    events = {field.name: _column(batch.column(name), field) for name, field in columns.items()}
    nobody = np.full(batch.num_rows, None, object)
    decoded = Decoded(np.ones(batch.num_rows, np.bool_), nobody, nobody, events)
    events["zone_id"] = Column(zone_ids(decoded, place=PICKUP), decoded.present)
    made = trip_rows(decoded, secret).to_arrow()
    taken = [_as(made[name].combine_chunks(), _ARROW[sql]) for name, sql in types.items()]
    return pa.RecordBatch.from_arrays([*(batch.column(name) for name in _PLACE), *taken], names=[*_PLACE, *types])


def _column(values: pa.Array, field: Field) -> Column:
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    if field.kind is Kind.STRING:
        return Column(values.to_numpy(zero_copy_only=False), valid)
    if field.kind is Kind.TIMESTAMP:
        values = pc.divide(values.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), 1000)
    nothing = float("nan") if field.kind is Kind.DOUBLE else 0
    return Column(values.fill_null(nothing).to_numpy(zero_copy_only=False), valid)


def _as(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    return (values.cast(pa.timestamp("ms")) if pa.types.is_timestamp(values.type) else values).cast(wanted)
