"""Which layout a file has, told from its column names or, without a header, from its first rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from hailstream.errors import HailstreamError
from hailstream.replay.columns import resolve, squeeze

KNOWN_LAYOUTS = (
    "TLC yellow and green trips (2009 to today), FOIL 2013 trip_data and trip_fare, DEBS 2015 trips, "
    "ride and fare events of the Flink training"
)

# No header: the order is the layout.
RIDE_COLUMNS = (
    "ride_id",
    "event_type",
    "event_time",
    "other_time",
    "pickup_longitude",
    "pickup_latitude",
    "dropoff_longitude",
    "dropoff_latitude",
    "passenger_count",
    "vehicle_id",
    "driver_id",
)
RIDE_FARE_COLUMNS = (
    "ride_id",
    "vehicle_id",
    "driver_id",
    "event_time",
    "payment_type",
    "tip_amount",
    "tolls_amount",
    "total_amount",
)
DEBS_COLUMNS = (
    "medallion",
    "hack_license",
    "pickup_datetime",
    "dropoff_datetime",
    "trip_time_in_secs",
    "trip_distance",
    "pickup_longitude",
    "pickup_latitude",
    "dropoff_longitude",
    "dropoff_latitude",
    "payment_type",
    "fare_amount",
    "surcharge",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "total_amount",
)
_FOR_HIRE = frozenset(("dispatchingbasenum", "dispatchingbasenumber", "hvfhslicensenum"))
_GREEN = frozenset(("lpeppickupdatetime", "lpepdropoffdatetime", "ehailfee", "triptype"))
_TIME = re.compile(r"\s*\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


class Shape(Enum):
    """What a row of the file is."""

    TRIPS = "a trip: its start and its end"
    TRIP_FARES = "the fare of a trip in another file"
    RIDES = "one event of a ride"
    RIDE_FARES = "the fare of a ride in another file"


@dataclass(frozen=True)
class Layout:
    """How the rows of one file are read.

    Attributes:
        shape: what a row is.
        label: the kind of trips: yellow, green, foil or rides. Told by the columns
            alone, never by the file's name, because trip ids are made of it.
        columns: our column names with their positions in a row.
        width: number of fields of a row.
        has_header: whether the first line that is not blank names the columns.
    """

    shape: Shape
    label: str
    columns: Mapping[str, int]
    width: int
    has_header: bool = True


def named_layout(file: str, names: Sequence[str]) -> Layout:
    """The layout of a file whose columns are ``names``.

    Raises:
        HailstreamError: a for-hire file, or a layout that is not known.
    """
    squeezed = {squeeze(name) for name in names}
    if squeezed & _FOR_HIRE:
        raise HailstreamError(
            f"{file}: a file of for-hire vehicles (fhv or fhvhv), which is not supported yet",
            hint="give yellow or green trip files",
        )
    columns = resolve(names)
    if squeezed & _GREEN:
        label = "green"
    elif columns.keys() & {"driver_id", "vehicle_id"}:
        label = "foil"
    else:
        label = "yellow"
    missing = _missing(columns)
    if not missing:
        return Layout(Shape.TRIPS, label, columns, len(names))
    if columns.keys() >= {"pickup_time", "driver_id", "vehicle_id", "total_amount"} and "dropoff_time" not in columns:
        return Layout(Shape.TRIP_FARES, "foil", columns, len(names))
    raise unknown_layout(file, names, missing)


def bare_layout(lines: Sequence[Sequence[str]]) -> Layout | None:
    """The layout of a file without header, from its first rows; None when they show none."""
    for fields in lines:
        if len(fields) == len(RIDE_COLUMNS) and fields[1].strip().upper() in ("START", "END"):
            return _ordered(Shape.RIDES, "rides", RIDE_COLUMNS)
        if len(fields) == len(RIDE_FARE_COLUMNS) and _TIME.match(fields[3]) and fields[4].strip().isalpha():
            return _ordered(Shape.RIDE_FARES, "rides", RIDE_FARE_COLUMNS)
        if len(fields) == len(DEBS_COLUMNS) and _TIME.match(fields[2]) and _TIME.match(fields[3]):
            return Layout(Shape.TRIPS, "foil", resolve(DEBS_COLUMNS), len(DEBS_COLUMNS), has_header=False)
    return None


def unknown_layout(file: str, names: Sequence[str], missing: Sequence[str]) -> HailstreamError:
    """The error for a file that is none of ours: what it has, what it lacks, what is known."""
    shown = ", ".join(name.strip()[:40] for name in names[:30]) + (", ..." if len(names) > 30 else "")
    return HailstreamError(
        f"{file}: unknown layout; columns found: {shown}; missing: {', '.join(missing)}",
        hint=f"known layouts: {KNOWN_LAYOUTS}",
    )


def _ordered(shape: Shape, label: str, names: Sequence[str]) -> Layout:
    return Layout(shape, label, {name: i for i, name in enumerate(names)}, len(names), has_header=False)


def _missing(columns: Mapping[str, int]) -> list[str]:
    missing = []
    if "pickup_time" not in columns:
        missing.append("pick-up time")
    if "dropoff_time" not in columns:
        missing.append("drop-off time")
    if "pickup_location_id" not in columns and not columns.keys() >= {"pickup_latitude", "pickup_longitude"}:
        missing.append("pick-up zone id or coordinates")
    return missing
