"""The TLC's 265 taxi zones: their names, boroughs and places."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

from hailstream.domain.zone_grid import OUTSIDE, zone_of

__all__ = ["OUTSIDE", "UNKNOWN", "ZONES", "Zone", "zone", "zone_name", "zone_of"]

UNKNOWN = 264


@dataclass(frozen=True)
class Zone:
    """A taxi zone.

    Attributes:
        zone_id: the TLC's LocationID, 1-265.
        name: not unique: 56 and 57 are both "Corona", 103-105 share a name too.
        borough: the TLC's word, "EWR" for Newark Airport; "Unknown" for 264, empty for 265.
        service_zone: "Yellow Zone", "Boro Zone", "Airports" or "EWR"; empty for 264 and 265.
        latitude, longitude: a middle of the zone, degrees; None for 264 and 265.
        square_miles: None for 264 and 265. 57, 104 and 105, which are drawn as
            part of 56 and 103, have the place and size of those.
    """

    zone_id: int
    name: str
    borough: str
    service_zone: str
    latitude: float | None
    longitude: float | None
    square_miles: float | None


def _read() -> tuple[Zone, ...]:
    text = files("hailstream.domain").joinpath("data/zones.csv").read_text(encoding="utf-8")
    return tuple(
        Zone(
            int(row["zone_id"]),
            row["name"],
            row["borough"],
            row["service_zone"],
            *(float(row[name]) if row[name] else None for name in ("latitude", "longitude", "square_miles")),
        )
        for row in csv.DictReader(text.splitlines())
    )


#: All zones in order of id: ``ZONES[0]`` is zone 1.
ZONES: tuple[Zone, ...] = _read()


def zone(zone_id: int) -> Zone:
    """The zone of an id.

    Raises:
        KeyError: ``zone_id`` is not within 1-265.
    """
    if not 1 <= zone_id <= len(ZONES):
        raise KeyError(zone_id)
    return ZONES[zone_id - 1]


def zone_name(zone_id: int) -> str:
    """The name of a zone, or ``zone N`` for an id that is none."""
    return ZONES[zone_id - 1].name if 1 <= zone_id <= len(ZONES) else f"zone {zone_id}"
