"""From decoded events to the columns that windows read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.avro import Schema
from hailstream.decode.batch import BatchDecoder
from hailstream.decode.rows import Column, Decoded
from hailstream.decode.writers import WriterSchemas
from hailstream.domain.rules import BOUNDS, REVENUE_BOUNDS
from hailstream.domain.zones import UNKNOWN, zone_of

#: SQL types of the columns that can be asked for.
COLUMN_TYPES: Final[Mapping[str, str]] = {
    "driver_id": "STRING",
    "passengers": "INT",
    "kept": "INT",
    "total_cents": "BIGINT",
    "fare_cents": "BIGINT",
    "tip_cents": "BIGINT",
    "toll_cents": "BIGINT",
}

_LAST_ZONE: Final = 265
_MINUTE_MS: Final = 60_000

#: The fields that say where a trip began, and where it ended.
PICKUP: Final = ("pickup_location_id", "pickup_latitude", "pickup_longitude")
DROPOFF: Final = ("dropoff_location_id", "dropoff_latitude", "dropoff_longitude")
_BOUNDED: Final = ("event_time", "started_at", "trip_distance_miles", "fare_amount")
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "driver_id": ("driver_id",),
    "passengers": ("passenger_count",),
    "kept": _BOUNDED,
    "total_cents": ("total_amount",),
    "fare_cents": _BOUNDED,
    "tip_cents": (*_BOUNDED, "tip_amount"),
    "toll_cents": (*_BOUNDED, "tolls_amount"),
}

_NEED_KEPT: Final = frozenset({"kept", "fare_cents", "tip_cents", "toll_cents"})

ZoneOf: TypeAlias = Callable[[Array, Array], Array]


class WindowColumns:
    """Decodes batches to trip_id, zone_id and the columns asked for.

    Args:
        make_decoder: :class:`BatchDecoder`, or what stands in for it.
        reader_schema, writers: for the decoder.
        columns: names in ``COLUMN_TYPES``.
        fields: of the schema, to have as they are.
        zone_of: zones of latitudes and longitudes, in degrees.
    """

    def __init__(
        self,
        make_decoder: Callable[[Schema, WriterSchemas, Sequence[str]], BatchDecoder],
        reader_schema: Schema,
        writers: WriterSchemas,
        columns: Sequence[str],
        fields: Sequence[str] = (),
        zone_of: ZoneOf = zone_of,
    ) -> None:
        read = {"trip_id", *PICKUP, *fields, *(field for column in columns for field in _FIELDS[column])}
        self._decoder = make_decoder(reader_schema, writers, sorted(read))
        self._columns = tuple(columns)
        self._fields = tuple(fields)
        self._zone_of = zone_of

    def __call__(self, values: Sequence[bytes | None] | Array, record_times_ms: Array) -> Decoded:
        """One batch, a row for each value in their order."""
        decoded = self._decoder.decode(values, record_times_ms)
        kept = kept_rows(decoded) if _NEED_KEPT & set(self._columns) else None
        columns = {
            "trip_id": decoded["trip_id"],
            "zone_id": Column(zone_ids(decoded, self._zone_of), decoded.present),
            **{field: decoded[field] for field in self._fields},
            **{column: _window_column(column, decoded, kept) for column in self._columns},
        }
        return replace(decoded, columns=columns)


def _window_column(name: str, decoded: Decoded, kept: Mask | None) -> Column:
    if name == "driver_id":
        return decoded["driver_id"]
    if name == "passengers":
        return passengers(decoded["passenger_count"])
    if name == "total_cents":
        return Column(decoded["total_amount"].values, decoded.present)
    if name == "kept":
        return Column(np.asarray(kept, np.int64), decoded.present)
    amount = decoded[{"fare_cents": "fare_amount", "tip_cents": "tip_amount", "toll_cents": "tolls_amount"}[name]]
    return Column(amount.values * np.asarray(kept), decoded.present)


def zone_ids(decoded: Decoded, zone_of: ZoneOf = zone_of, place: Sequence[str] = PICKUP) -> Array:
    """Zones (int32) of places: the given one where it is one, else that of the coordinates, else 264."""
    location, latitude, longitude = (decoded[name] for name in place)
    given = location.valid & (location.values >= 1) & (location.values <= _LAST_ZONE)
    zones: Array = np.where(given, location.values, UNKNOWN).astype(np.int32)
    placed = latitude.valid & longitude.valid & ~given
    if placed.any():
        zones[placed] = zone_of(latitude.values[placed], longitude.values[placed])
    return zones


def passengers(count: Column) -> Column:
    """Number of passengers from 1 to 9; null for any other, which is known dirt."""
    known = count.valid & ~BOUNDS.passengers.outside_column(count.values)
    return Column(count.values * known, known)


def kept_rows(decoded: Decoded) -> Mask:
    """Which ended trips lie within the bounds of fare, distance and duration.

    A distance that is not known is not outside; a fare that is not known is not within.
    """
    fare, distance = decoded["fare_amount"], decoded["trip_distance_miles"]
    minutes = (decoded["event_time"].values - decoded["started_at"].values) / _MINUTE_MS
    columns = {
        BOUNDS.fare.reason: (fare.values, None),
        BOUNDS.distance.reason: (distance.values, distance.valid),
        BOUNDS.duration.reason: (minutes, None),
    }
    kept = fare.valid.copy()
    for bound in REVENUE_BOUNDS:
        kept &= ~bound.outside_column(*columns[bound.reason])
    return kept
