"""The one table of columns: what a trip file may hold, and under which names.

Names are compared by their letters and digits alone, in lower case:
``Trip_Pickup_DateTime``, `` pickup_datetime`` and ``PULocationID`` find their
column whatever the spelling of the year was. Columns not listed are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How the text of a column is read."""

    TIME = "wall-clock time"
    TEXT = "text"
    VENDOR = "vendor word or code"
    PAYMENT = "payment word or code"
    INTEGER = "whole number"
    NUMBER = "number"
    CENTS = "amount in dollars"


@dataclass(frozen=True)
class Column:
    """A column of a trip as read from a file.

    Attributes:
        name: its name here.
        kind: how its text is read.
        aliases: the names files give it, squeezed; an earlier one wins where a file has two.
    """

    name: str
    kind: Kind
    aliases: tuple[str, ...]


COLUMNS: tuple[Column, ...] = (
    Column(
        "pickup_time",
        Kind.TIME,
        ("tpeppickupdatetime", "lpeppickupdatetime", "pickupdatetime", "trippickupdatetime", "pickuptime"),
    ),
    Column(
        "dropoff_time",
        Kind.TIME,
        ("tpepdropoffdatetime", "lpepdropoffdatetime", "dropoffdatetime", "tripdropoffdatetime", "dropofftime"),
    ),
    Column("vendor_id", Kind.VENDOR, ("vendorid", "vendorname", "vendor")),
    Column("driver_id", Kind.TEXT, ("hacklicense", "driverid")),
    Column("vehicle_id", Kind.TEXT, ("medallion", "taxiid", "vehicleid")),
    Column("pickup_location_id", Kind.INTEGER, ("pulocationid", "pickuplocationid")),
    Column("dropoff_location_id", Kind.INTEGER, ("dolocationid", "dropofflocationid")),
    Column("pickup_latitude", Kind.NUMBER, ("pickuplatitude", "startlat")),
    Column("pickup_longitude", Kind.NUMBER, ("pickuplongitude", "startlon")),
    Column("dropoff_latitude", Kind.NUMBER, ("dropofflatitude", "endlat")),
    Column("dropoff_longitude", Kind.NUMBER, ("dropofflongitude", "endlon")),
    Column("passenger_count", Kind.INTEGER, ("passengercount", "passengercnt")),
    Column("trip_distance_miles", Kind.NUMBER, ("tripdistance", "tripdistancemiles")),
    Column("payment_type", Kind.PAYMENT, ("paymenttype",)),
    Column("rate_code", Kind.INTEGER, ("ratecodeid", "ratecode")),
    Column("fare_amount", Kind.CENTS, ("fareamount", "fareamt")),
    Column("extra", Kind.CENTS, ("extra", "surcharge")),
    Column("mta_tax", Kind.CENTS, ("mtatax",)),
    Column("tip_amount", Kind.CENTS, ("tipamount", "tipamt")),
    Column("tolls_amount", Kind.CENTS, ("tollsamount", "tollsamt")),
    Column("improvement_surcharge", Kind.CENTS, ("improvementsurcharge",)),
    Column("congestion_surcharge", Kind.CENTS, ("congestionsurcharge",)),
    Column("total_amount", Kind.CENTS, ("totalamount", "totalamt")),
)

BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}
AMOUNTS: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind is Kind.CENTS)


def squeeze(name: str) -> str:
    """A column name without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def resolve(names: Sequence[str]) -> dict[str, int]:
    """Our column names with the position each has in a file whose columns are ``names``."""
    found = {}
    squeezed = [squeeze(name) for name in names]
    for column in COLUMNS:
        position = next((squeezed.index(alias) for alias in column.aliases if alias in squeezed), None)
        if position is not None:
            found[column.name] = position
    return found
