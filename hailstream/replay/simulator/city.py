"""The city of the simulator: zones, the ways between them, and where trips begin and end.

Trips are drawn so that each zone has its real share of pick-ups and of
drop-offs, nearer zones being likelier; between trips a driver stays about
where the last one ended. Both tables of chances are balanced to the real
shares, so that the city keeps its shape however long it runs.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.fares import JFK, NEWARK, STANDARD
from hailstream.domain.geo import great_circle_miles
from hailstream.domain.zones import UNKNOWN, ZONES, Zone
from hailstream.replay.simulator.alias import AliasTable

Zones: TypeAlias = npt.NDArray[np.int16]
Floats: TypeAlias = npt.NDArray[np.float64]

SIZE = UNKNOWN  # tables have a row for each zone id below 264; row 0 is empty
CIRCUITY = 1.3  # road miles per mile as the crow flies
TRIP_MILES = 2.6  # by so much farther a target is e times less likely
CRUISE_MILES = 0.8
_TWINS = {57: 56, 104: 103, 105: 103}  # numbers of zones that have no polygon of their own
_AIRPORTS = {"newark": 1, "jfk": 132, "laguardia": 138}
_NORTH_OF_96TH = frozenset((24, 41, 42, 74, 75, 116, 120, 127, 128, 151, 152, 153, 166, 194, 243, 244))


@dataclass(frozen=True)
class City:
    """Tables by zone id.

    Attributes:
        pickups: share of all pick-ups.
        miles: by road from zone to zone; within a zone, between two of its points.
        radius: miles from a zone's middle to its edge, about.
        rate_codes: of a trip from zone to zone.
        congested: whether a trip from zone to zone pays the congestion surcharge.
        tolled: whether a trip from zone to zone may cross a tolled bridge or tunnel.
        laguardia: whether a trip from zone to zone begins or ends there.
        latitudes, longitudes: 64 points inside each zone; NaN where a zone has none.
    """

    pickups: Floats
    miles: Floats
    radius: Floats
    rate_codes: npt.NDArray[np.int32]
    congested: npt.NDArray[np.bool_]
    tolled: npt.NDArray[np.bool_]
    laguardia: npt.NDArray[np.bool_]
    latitudes: Floats
    longitudes: Floats
    _pickups: AliasTable
    _targets: AliasTable
    _cruises: AliasTable

    def draw_pickup(self, chances: Floats) -> Zones:
        """A zone for each chance (0 to below 1), by its share of pick-ups."""
        return self._pickups.draw(np.zeros(len(chances), np.int16), chances)

    def draw_target(self, origins: Zones, chances: Floats) -> Zones:
        """Where a trip from each origin ends."""
        return self._targets.draw(origins, chances)

    def draw_cruise(self, zones: Zones, chances: Floats) -> Zones:
        """Where a driver who is free in each zone finds the next passenger."""
        return self._cruises.draw(zones, chances)


def load_city() -> City:
    """The city from the packaged tables."""
    pickups, dropoffs = _traffic()
    places = np.full((SIZE, 3), np.nan)
    for zone in ZONES:
        if zone.latitude is not None:
            places[zone.zone_id] = zone.latitude, zone.longitude, zone.square_miles
    latitude, longitude, area = places.T
    apart = great_circle_miles(latitude[:, None], longitude[:, None], latitude, longitude)
    # Between two random points of a square of side 1 it is 0.52.
    np.fill_diagonal(apart, 0.52 * np.sqrt(area))
    miles = np.nan_to_num(np.maximum(apart, 0.25) * CIRCUITY)
    latitudes, longitudes = _points()
    return City(
        pickups=pickups,
        miles=miles,
        radius=np.nan_to_num(np.sqrt(area / np.pi)),
        rate_codes=_rate_codes(),
        congested=_either(_zones(lambda zone: zone.borough == "Manhattan" and zone.zone_id not in _NORTH_OF_96TH)),
        tolled=_tolled(),
        laguardia=_either(_zones(lambda zone: zone.zone_id == _AIRPORTS["laguardia"])),
        latitudes=latitudes,
        longitudes=longitudes,
        _targets=AliasTable.of(_balanced(np.exp(-miles / TRIP_MILES), pickups, dropoffs)),
        _cruises=AliasTable.of(_balanced(np.exp(-miles / CRUISE_MILES), dropoffs, pickups)),
        _pickups=AliasTable.of(pickups[None, :]),
    )


def _traffic() -> tuple[Floats, Floats]:
    text = files("hailstream.replay.simulator").joinpath("data/zone_traffic.csv").read_text(encoding="utf-8")
    shares = np.zeros((2, SIZE))
    for row in csv.DictReader(text.splitlines()):
        zone = int(row["zone_id"])
        shares[:, _TWINS.get(zone, zone)] += int(row["pickups"]), int(row["dropoffs"])
    pickups, dropoffs = shares / shares.sum(axis=1, keepdims=True)
    return pickups, dropoffs


def _points() -> tuple[Floats, Floats]:
    with files("hailstream.domain").joinpath("data/zone_points.npz").open("rb") as file, np.load(file) as data:
        zones, degrees = data["zones"], data["microdegrees"] / 1e6
    points = np.full((2, SIZE, degrees.shape[1]), np.nan)
    points[:, zones] = degrees.transpose(2, 0, 1)
    return points[0], points[1]


def _zones(holds: Callable[[Zone], bool]) -> npt.NDArray[np.bool_]:
    found = np.zeros(SIZE, np.bool_)
    for zone in ZONES[: SIZE - 1]:
        found[zone.zone_id] = holds(zone)
    return found


def _either(zones: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    either: npt.NDArray[np.bool_] = zones[:, None] | zones
    return either


def _rate_codes() -> npt.NDArray[np.int32]:
    manhattan = _zones(lambda zone: zone.borough == "Manhattan")
    codes = np.full((SIZE, SIZE), STANDARD, np.int32)
    codes[_AIRPORTS["jfk"], manhattan] = codes[manhattan, _AIRPORTS["jfk"]] = JFK
    codes[:, _AIRPORTS["newark"]] = NEWARK
    return codes


def _tolled() -> npt.NDArray[np.bool_]:
    boroughs = np.array(["", *(zone.borough for zone in ZONES[: SIZE - 1])])
    tolled: npt.NDArray[np.bool_] = (boroughs[:, None] != boroughs) & _either(boroughs == "Manhattan")
    return tolled


def _balanced(nearness: Floats, rows: Floats, columns: Floats) -> Floats:
    """The table nearest to ``nearness`` that has these sums of rows and columns (Sinkhorn)."""
    table = nearness * (rows[:, None] > 0) * (columns > 0)
    for _ in range(60):
        table *= (rows / np.maximum(table.sum(axis=1), 1e-300))[:, None]
        table *= columns / np.maximum(table.sum(axis=0), 1e-300)
    return table
