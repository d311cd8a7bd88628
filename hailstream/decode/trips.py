"""From decoded ends to the rows of trips, column by column."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.columns import DROPOFF, kept_rows, passengers, zone_ids
from hailstream.decode.packer import Batch
from hailstream.decode.rows import Column
from hailstream.domain.zones import UNKNOWN

#: SQL types of a trip's columns, by the names of its topic; instants are ms, amounts cents.
TRIP_TYPES: Final[Mapping[str, str]] = {
    "trip_id": "STRING",
    "started_at": "BIGINT",
    "ended_at": "BIGINT",
    "zone_id": "INT",
    "end_zone_id": "INT",
    "route": "STRING",
    "vendor_id": "STRING",
    "driver_id": "STRING",
    "vehicle_id": "STRING",
    "passengers": "INT",
    "miles": "DOUBLE",
    "seconds": "DOUBLE",
    "mph": "DOUBLE",
    "payment_type": "INT",
    "rate_code": "INT",
    "fare": "BIGINT",
    "tip": "BIGINT",
    "tolls": "BIGINT",
    "total": "BIGINT",
    "tip_rate": "DOUBLE",
    "completeness": "DOUBLE",
    "within_bounds": "INT",
}
_TEXTS: Final = ("vendor_id", "driver_id", "vehicle_id")
_AMOUNTS: Final = {"fare": "fare_amount", "tip": "tip_amount", "tolls": "tolls_amount", "total": "total_amount"}
_CODES: Final = ("payment_type", "rate_code")
_MS_AN_HOUR: Final = 3_600_000


def trip_column(name: str) -> str:
    """The column of the decode function that holds a trip's column."""
    return f"trip_{name}"


def pseudonym(driver_id: str, secret: str) -> str:
    """A driver's id, hashed with a secret (BLAKE2b, 96 bits): without it nobody can tell who it was."""
    return hashlib.blake2b(driver_id.encode(), key=secret.encode()[:64], digest_size=12).hexdigest()


class TripColumns:
    """Makes a trip of every end, late ones too; rows that are none are null.

    Args:
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

    def __init__(self, driver_secret: str | None) -> None:
        self._secret = driver_secret
        self.sql_types = {trip_column(name): sql for name, sql in TRIP_TYPES.items()}

    def pack(self, batch: Batch) -> dict[str, Array]:
        """The columns of trips; a number that is not known is NaN, which is null in the engine."""
        decoded, trips = batch.decoded, batch.decoded.present & ~batch.future
        zones, ends = decoded["zone_id"].values, zone_ids(decoded, place=DROPOFF)
        riders = passengers(decoded["passenger_count"])
        miles, fare, tip = (decoded[name] for name in ("trip_distance_miles", "fare_amount", "tip_amount"))
        ms = np.where(trips, decoded["event_time"].values - decoded["started_at"].values, 0)
        known = [riders.valid, miles.valid, zones != UNKNOWN, ends != UNKNOWN]
        known += [decoded[name].valid for name in ("driver_id", "vehicle_id", *_CODES, *_AMOUNTS.values())]
        columns: dict[str, Array] = {
            "trip_id": _texts(decoded["trip_id"], trips),
            "started_at": _numbers(decoded["started_at"], trips),
            "ended_at": _numbers(decoded["event_time"], trips),
            "zone_id": np.where(trips, zones, np.nan),
            "end_zone_id": np.where(trips, ends, np.nan),
            "route": _routes(zones, ends, trips),
            **{name: _texts(decoded[name], trips) for name in _TEXTS},
            "passengers": _numbers(riders, trips),
            "miles": _numbers(miles, trips),
            "seconds": np.where(trips, ms / 1000, np.nan),
            "mph": _ratio(miles.values * _MS_AN_HOUR, ms, trips & miles.valid, digits=2),
            **{name: _numbers(decoded[name], trips) for name in _CODES},
            **{name: _numbers(decoded[field], trips) for name, field in _AMOUNTS.items()},
            "tip_rate": _ratio(tip.values, fare.values, trips & tip.valid & fare.valid, digits=4),
            "completeness": np.where(trips, np.round(np.mean(known, axis=0), 3), np.nan),
            "within_bounds": np.where(trips, kept_rows(decoded), np.nan),
        }
        if self._secret is not None:
            columns["driver_id"] = self._pseudonyms(columns["driver_id"])
        return {trip_column(name): column for name, column in columns.items()}

    def _pseudonyms(self, drivers: Array) -> Array:
        secret = self._secret or ""
        hashed = {driver: pseudonym(driver, secret) for driver in set(drivers.tolist()) - {None}}
        return np.array([hashed.get(driver) for driver in drivers.tolist()], object)


def _texts(column: Column, trips: Mask) -> Array:
    texts: Array = np.full(len(trips), None, object)
    known = trips & column.valid
    texts[known] = column.values[known]
    return texts


def _numbers(column: Column, trips: Mask) -> Array:
    """As floats, which are exact for the whole numbers that events have: cents, codes and ms."""
    numbers: Array = np.where(trips & column.valid, column.values, np.nan)
    return numbers


def _ratio(above: Array, below: Array, known: Mask, *, digits: int) -> Array:
    """The ratio where it is known and what it is of is above 0."""
    ratio = np.full(len(above), np.nan)
    there = known & (below > 0)
    ratio[there] = np.round(above[there] / below[there], digits)
    return ratio


def _routes(zones: Array, ends: Array, trips: Mask) -> Array:
    pairs, which = np.unique(zones.astype(np.int64) * 1000 + ends, return_inverse=True)
    names = np.array([f"{pair // 1000}-{pair % 1000}" for pair in pairs.tolist()], object)
    return _texts(Column(names[which], trips), trips)
