"""Faults of whole trips: speeds that no car drives, and what dishonest drivers do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.fleet import Begun, Fleet
from hailstream.replay.simulator.ids import draws
from hailstream.replay.simulator.ledger import Case
from hailstream.replay.simulator.rhythm import HOUR_MS
from hailstream.replay.simulator.trips import EXTRA, TRIP, Trips

Floats: TypeAlias = npt.NDArray[np.float64]

_KIND, _CASE, _SIZE = 101, 102, 103  # salts
_FRAUDS = (Case.FARE, Case.OVERLAP, Case.TRAVEL, Case.VEHICLES, Case.REFUND)
_NO_OVERLAP_BELOW_MS = 300_000
_ROOM_MS = 300_000  # between two trips, for a short one that another fault puts there
_LONGEST_FAST_MS = 35 * 60_000  # a longer trip at 120 mph would leave the bound of distances too
_FAR_MILES = 5.0
_OTHER_VEHICLE = 1 << 31  # no driver's own


def spoil(
    begun: Begun, fleet: Fleet, city: City, shares: Mapping[str, float], key: int, rng: np.random.Generator
) -> Trips:
    """Mark trips of ``begun`` as faulty, in place, and return the extra trips that frauds make.

    The drivers' other trips stay as they are. A driver has to be free for the
    extra trips of "travel" and "vehicles": where not, the fraud is a "fare".
    """
    trips = begun.trips
    chance, size = draws(trips["serial"], key + _KIND), draws(trips["serial"], key + _SIZE)
    lasts, room = trips["end"] - trips["start"], begun.next_start - trips["end"]
    speed, fraud = shares.get("speed", 0.0), shares.get("fraud", 0.0)

    fast = np.flatnonzero((chance < speed) & (lasts <= _LONGEST_FAST_MS))
    mph = 120 + 130 * size[fast]
    trips["miles_100"][fast] = np.rint(np.minimum(mph * lasts[fast] / HOUR_MS, 95) * 100)
    trips["case"][fast] = Case.SPEED

    at = np.flatnonzero((chance >= speed) & (chance < speed + fraud))
    case = np.array(_FRAUDS)[(draws(trips["serial"][at], key + _CASE) * len(_FRAUDS)).astype(np.int64)]
    case[(case == Case.OVERLAP) & (lasts[at] < _NO_OVERLAP_BELOW_MS)] = Case.FARE
    case[np.isin(case, (Case.TRAVEL, Case.VEHICLES)) & (room[at] < _ROOM_MS)] = Case.FARE
    far = _far_from(city, trips["target"][at], rng)
    case[(case == Case.TRAVEL) & (city.miles[trips["target"][at], far] < _FAR_MILES)] = Case.FARE
    trips["case"][at[case == Case.FARE]] = Case.FARE

    def extra(wanted: Case) -> tuple[npt.NDArray[np.int64], Trips]:
        rows = at[case == wanted]
        return rows, trips[rows]

    rows, base = extra(Case.OVERLAP)
    starts = base["start"] + ((0.25 + 0.25 * size[rows]) * lasts[rows]).astype(np.int64)
    overlapping = fleet.extra_trips(base["driver"], starts, city.draw_pickup(rng.random(len(rows))), rng)

    rows, base = extra(Case.TRAVEL)
    starts = base["end"] + 20_000 + (20_000 * size[rows]).astype(np.int64)
    travelling = _short(fleet.extra_trips(base["driver"], starts, far[case == Case.TRAVEL], rng), city, size[rows])

    rows, base = extra(Case.VEHICLES)
    starts = base["end"] + 40_000 + (40_000 * size[rows]).astype(np.int64)
    switching = _short(fleet.extra_trips(base["driver"], starts, base["target"], rng), city, size[rows])
    switching["vehicle"] |= np.uint32(_OTHER_VEHICLE)

    _, refunds = extra(Case.REFUND)
    found = [(overlapping, Case.OVERLAP), (travelling, Case.TRAVEL), (switching, Case.VEHICLES), (refunds, Case.REFUND)]
    for extras, wanted in found:
        extras["partner"] = trips["serial"][at[case == wanted]]
        extras["serial"] = extras["partner"] | EXTRA
        extras["case"] = wanted
    return np.concatenate([np.empty(0, TRIP), *(extras for extras, _ in found)])


def _far_from(city: City, zones: npt.NDArray[np.int16], rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Of eight zones drawn for each, the farthest."""
    drawn = city.draw_pickup(rng.random(8 * len(zones))).reshape(8, -1)
    farthest = np.argmax(city.miles[zones, drawn], axis=0)
    far: npt.NDArray[np.int16] = drawn[farthest, np.arange(len(zones))]
    return far


def _short(trips: Trips, city: City, size: Floats) -> Trips:
    """Make them trips of two to three minutes within their zone."""
    trips["target"] = trips["origin"]
    trips["end"] = trips["start"] + 120_000 + (60_000 * size).astype(np.int64)
    trips["miles_100"] = np.rint(np.minimum(city.miles[trips["origin"], trips["origin"]], 0.7) * 100)
    return trips
