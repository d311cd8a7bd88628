"""From decoded ends to the messages of trips, column by column."""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.columns import DROPOFF, kept_rows, passengers, zone_ids
from hailstream.decode.packer import Batch
from hailstream.decode.rows import Column, Decoded
from hailstream.domain.zones import UNKNOWN
from hailstream.encode.batch import BatchEncoder
from hailstream.schemas import load_schema
from hailstream.topics import TRIPS

#: The columns of the decode function that hold a trip's message, and its key.
TRIP_MESSAGE: Final = "trip_message"
TRIP_KEY: Final = "trip_key"

_TEXTS: Final = ("vendor_id", "driver_id", "vehicle_id")
_AMOUNTS: Final = {"fare": "fare_amount", "tip": "tip_amount", "tolls": "tolls_amount", "total": "total_amount"}
_CODES: Final = ("payment_type", "rate_code")
_MS_AN_HOUR: Final = 3_600_000
#: Amounts of trips have ten digits; one that has more is not known.
_MOST_CENTS: Final = 10**10 - 1


def pseudonym(driver_id: str, secret: str) -> str:
    """A driver's id, hashed with a secret (BLAKE2b, 96 bits): without it nobody can tell who it was."""
    return hashlib.blake2b(driver_id.encode(), key=secret.encode()[:64], digest_size=12).hexdigest()


class TripMessages:
    """Makes a message of trips.v1 of every end, late ones too; rows that are none have none.

    The message is written here, in Avro, so that 22 columns need not cross to the engine.

    Args:
        schema_id: of the topic's schema in the registry.
        driver_secret: driver ids are hashed with it; None leaves them as they are.
    """

    columns: tuple[str, ...] = ()
    fields = (
        *DROPOFF,
        *_TEXTS,
        *_CODES,
        *_AMOUNTS.values(),
        "started_at",
        "event_time",
        "passenger_count",
        "trip_distance_miles",
    )

    def __init__(self, schema_id: int, driver_secret: str | None) -> None:
        self._encoder = BatchEncoder(load_schema(TRIPS), schema_id)
        self._secret = driver_secret
        self.sql_types = {TRIP_KEY: "BYTES", TRIP_MESSAGE: "BYTES"}

    def pack(self, batch: Batch) -> dict[str, Array]:
        """The messages and their keys, as bytes."""
        trips = np.flatnonzero(batch.decoded.present & ~batch.future)
        packed = {name: np.full(len(batch.future), None, object) for name in self.sql_types}
        if len(trips):
            rows = trip_rows(_taken(batch.decoded, trips), self._secret)
            packed[TRIP_KEY][trips] = [_key(trip) for trip in rows["trip_id"].to_list()]
            packed[TRIP_MESSAGE][trips] = self._encoder.encode(rows)
        return packed


def trip_rows(decoded: Decoded, driver_secret: str | None) -> pl.DataFrame:
    """The trips of ended events, by the fields of their topic; amounts are cents.

    Args:
        decoded: events only, with zone_id and the fields that :class:`TripMessages` names.
        driver_secret: see there.
    """
    zones, ends = decoded["zone_id"].values, zone_ids(decoded, place=DROPOFF)
    riders = passengers(decoded["passenger_count"])
    miles, fare, tip = (decoded[name] for name in ("trip_distance_miles", "fare_amount", "tip_amount"))
    ms = decoded["event_time"].values - decoded["started_at"].values
    known = [riders.valid, miles.valid, zones != UNKNOWN, ends != UNKNOWN]
    known += [decoded[name].valid for name in ("driver_id", "vehicle_id", *_CODES, *_AMOUNTS.values())]
    texts = {name: decoded[name] for name in _TEXTS}
    texts["driver_id"] = _hidden(texts["driver_id"], driver_secret)
    return pl.DataFrame(
        {
            "trip_id": _texts(decoded["trip_id"]),
            "started_at": _moments(decoded["started_at"]),
            "ended_at": _moments(decoded["event_time"]),
            "zone_id": zones,
            "end_zone_id": ends,
            "route": _routes(zones, ends),
            **{name: _texts(column) for name, column in texts.items()},
            "passengers": _numbers(riders),
            "miles": _numbers(miles),
            "seconds": ms / 1000,
            "mph": _ratio(miles.values * _MS_AN_HOUR, ms, miles.valid, digits=2),
            **{name: _numbers(decoded[name]) for name in _CODES},
            **{name: _cents(decoded[field]) for name, field in _AMOUNTS.items()},
            "tip_rate": _ratio(tip.values, fare.values, tip.valid & fare.valid, digits=4),
            "completeness": np.round(np.mean(known, axis=0), 3),
            "within_bounds": kept_rows(decoded).astype(np.int64),
        }
    )


def _hidden(drivers: Column, secret: str | None) -> Column:
    if secret is None:
        return drivers
    hashed = {driver: pseudonym(driver, secret) for driver in set(drivers.values[drivers.valid].tolist())}
    return Column(np.array([hashed.get(driver) for driver in drivers.values.tolist()], object), drivers.valid)


def _key(trip_id: str) -> bytes:
    """The key as the engine writes it for other topics."""
    return f'{{"trip_id":{encode_basestring(trip_id)}}}'.encode()


def _taken(decoded: Decoded, rows: Array) -> Decoded:
    """Some rows of what :func:`trip_rows` reads."""
    read = {name: decoded[name] for name in ("trip_id", "zone_id", *TripMessages.fields)}
    columns = {name: Column(column.values[rows], column.valid[rows]) for name, column in read.items()}
    return Decoded(decoded.present[rows], decoded.error[rows], decoded.detail[rows], columns)


def _texts(column: Column) -> pl.Series:
    return pl.Series(pa.array(column.values, pa.string()))  # None where not valid


def _numbers(column: Column) -> pl.Series:
    known = column.valid & (column.values == column.values)
    return pl.Series(pa.array(column.values, mask=~known))


def _cents(column: Column) -> pl.Series:
    return _numbers(Column(column.values, column.valid & (np.abs(column.values) <= _MOST_CENTS)))


def _moments(column: Column) -> pl.Series:
    return pl.Series(column.values.astype("datetime64[ms]"))


def _ratio(above: Array, below: Array, known: Mask, *, digits: int) -> pl.Series:
    """The ratio where it is known and what it is of is above 0."""
    ratio = np.zeros(len(above))
    there = known & (below > 0)
    ratio[there] = np.round(above[there] / below[there], digits)
    return _numbers(Column(ratio, there))


def _routes(zones: Array, ends: Array) -> pl.Series:
    pairs, which = np.unique(zones.astype(np.int64) * 1000 + ends, return_inverse=True)
    return pl.Series([f"{pair // 1000}-{pair % 1000}" for pair in pairs.tolist()], dtype=pl.String).gather(which)
