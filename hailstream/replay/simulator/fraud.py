"""Faults of whole trips: which trips they hit, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.fares import JFK, STANDARD
from hailstream.replay.simulator.cases import PAIRS, Case
from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.disagree import disagree
from hailstream.replay.simulator.fleet import Begun, Fleet
from hailstream.replay.simulator.ids import draws
from hailstream.replay.simulator.pairs import PairMaker
from hailstream.replay.simulator.rhythm import HOUR_MS
from hailstream.replay.simulator.strangers import bursts, open_rides
from hailstream.replay.simulator.trips import TRIP, Trips

Floats: TypeAlias = npt.NDArray[np.float64]

_KIND, _CASE, _SIZE = 101, 102, 103  # salts
_FRAUDS = (Case.FARE, Case.OVERLAP, Case.TRAVEL, Case.VEHICLES, Case.REFUND, Case.OUTLIER, Case.VELOCITY)
_RIDES = (Case.OPEN, Case.OPEN, Case.NEVER_ENDED, Case.OTHER_ZONE, Case.OTHER_DRIVER, Case.OTHER_TIME)
_SLOWEST_MPH, _FASTEST_MPH = 60.0, 140.0  # 80 is implausible
_LONGEST_FAST_MS = 35 * 60_000  # a longer trip at 140 mph would come near the bound of distances
#: Fares that a zone had in the hour before, about, where one of them is made to stand out: half of them are enough.
_LEAST_FARES = 60
_MOST_SIGMAS = 12.0


@dataclass(frozen=True)
class Spoiled:
    """Trips of a time slice after the faults.

    Attributes:
        ends: the fleet's trips as their ends tell them.
        extras: trips that only a fault makes.
    """

    ends: Trips
    extras: Trips


def spoil(
    begun: Begun, fleet: Fleet, city: City, shares: Mapping[str, float], key: int, rng: np.random.Generator, end: int
) -> Spoiled:
    """Mark trips of ``begun`` as faulty, in place, and make what faults make of them.

    The drivers' other trips stay as they are. A driver has to be free for a
    trip that a fraud puts after another one; where not, the fraud is a "fare".

    Args:
        end: of the log, ms.
    """
    trips = begun.trips
    chance, size = draws(trips["serial"], key + _KIND), draws(trips["serial"], key + _SIZE)
    speed, fraud, rides = (shares.get(kind, 0.0) for kind in ("speed", "fraud", "rides"))
    metered = city.rate_codes[trips["origin"], trips["target"]] != JFK

    # A flat fare does not follow the distance, so a fast trip at one would be an odd fare too.
    _speed_up(trips, np.flatnonzero((chance < speed) & metered & (_lasts(trips) <= _LONGEST_FAST_MS)), size)

    at = np.flatnonzero((chance >= speed) & (chance < speed + fraud))
    case = _drawn(_FRAUDS, trips["serial"][at], key)
    expected = fleet.expected_fares(trips["origin"][at], trips["end"][at])
    standard = city.rate_codes[trips["origin"], trips["target"]][at] == STANDARD
    case[(case == Case.OUTLIER) & ~((expected >= _LEAST_FARES) & standard)] = Case.FARE
    pairs = PairMaker(fleet, city, rng)
    extras, done = pairs.make(trips[at], begun.next_start[at], case, size[at])
    case[np.isin(case, tuple(PAIRS)) & ~done] = Case.FARE
    fares = np.isin(case, (Case.FARE, Case.OUTLIER))
    trips["case"][at[fares]] = case[fares]
    outlier = case == Case.OUTLIER
    trips["size"][at[outlier]] = (2 * size[at[outlier]] - 1) * _MOST_SIGMAS
    trips["basis"][at[outlier]] = expected[outlier]
    trips["involved"][at[done]] = True
    extras.append(bursts(trips[at[case == Case.VELOCITY]], size[at[case == Case.VELOCITY]], fleet, rng))

    at = np.flatnonzero((chance >= speed + fraud) & (chance < speed + fraud + rides))
    case = _drawn(_RIDES, trips["serial"][at], key)
    for which in (Case.OPEN, Case.NEVER_ENDED):
        rows = at[case == which]
        extras.append(open_rides(trips[rows], which, size[rows], fleet, rng, end))
    ends = disagree(trips, at, case, size[at], city, rng)
    return Spoiled(ends, np.concatenate([np.empty(0, TRIP), *extras]))


def _speed_up(trips: Trips, fast: npt.NDArray[np.int64], size: Floats) -> None:
    mph = _SLOWEST_MPH + (_FASTEST_MPH - _SLOWEST_MPH) * size[fast]
    lasts = _lasts(trips)[fast]
    trips["miles_100"][fast] = np.rint(mph * lasts / HOUR_MS * 100)
    trips["size"][fast] = trips["miles_100"][fast] / 100 * HOUR_MS / lasts
    trips["case"][fast] = Case.SPEED


def _drawn(cases: tuple[Case, ...], serials: npt.NDArray[np.uint64], key: int) -> npt.NDArray[np.int64]:
    return np.array(cases)[(draws(serials, key + _CASE) * len(cases)).astype(np.int64)]


def _lasts(trips: Trips) -> npt.NDArray[np.int64]:
    lasts: npt.NDArray[np.int64] = trips["end"] - trips["start"]
    return lasts
