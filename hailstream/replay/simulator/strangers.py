"""Trips of drivers who are not of the fleet: bursts of trips, and rides that stay open."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.replay.simulator.cases import Case
from hailstream.replay.simulator.fleet import Fleet
from hailstream.replay.simulator.rhythm import HOUR_MS
from hailstream.replay.simulator.trips import EXTRA, EXTRA_NUMBER_BIT, STRANGER, Trips

Floats: TypeAlias = npt.NDArray[np.float64]

_FEWEST, _MOST = 3, 10  # trips of a burst; more than 6 within ten minutes are too many
_BURST_TRIP_MS = 61_000  # no trip within the bounds is shorter than a minute
_SPACING_MS = 64_000  # ten of them begin within ten minutes
_BURST_MILES = 0.3
_SHORTEST_OPEN_MS, _LONGEST_OPEN_MS = HOUR_MS, 3 * HOUR_MS  # more than two hours are too long
_AFTER_MS = 1_000


def bursts(base: Trips, size: Floats, fleet: Fleet, rng: np.random.Generator) -> Trips:
    """Trip upon trip of one driver, three to ten of them, each beside the begin of one of ``base``."""
    counts = _FEWEST + (size * (_MOST - _FEWEST + 1)).astype(np.int64)
    rows = np.repeat(np.arange(len(base)), counts)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    trips = _strange(base[rows], base["start"][rows] + _AFTER_MS + number * _SPACING_MS, fleet, rng)
    trips["end"] = trips["start"] + _BURST_TRIP_MS
    trips["miles_100"] = np.minimum(trips["miles_100"], round(_BURST_MILES * 100))
    trips["serial"] |= number.astype(np.uint64) << EXTRA_NUMBER_BIT
    trips["size"] = number + 1
    trips["case"] = Case.VELOCITY
    return trips


def open_rides(base: Trips, case: Case, size: Floats, fleet: Fleet, rng: np.random.Generator, end: int) -> Trips:
    """Rides that end late or never, each beside the begin of one of ``base``.

    Args:
        case: OPEN or NEVER_ENDED, whose ends are not to be told.
        end: of the log, ms: nobody can know of a ride for how long it is open after that.
    """
    trips = _strange(base, base["start"] + _AFTER_MS, fleet, rng)
    lasts = _SHORTEST_OPEN_MS + ((_LONGEST_OPEN_MS - _SHORTEST_OPEN_MS) * size).astype(np.int64)
    trips["end"] = trips["start"] + lasts
    known = end - trips["start"]
    trips["size"] = (known if case is Case.NEVER_ENDED else np.minimum(lasts, known)) / 1000
    trips["case"] = case
    return trips


def _strange(base: Trips, starts: npt.NDArray[np.int64], fleet: Fleet, rng: np.random.Generator) -> Trips:
    """Trips within the zones where others began, of a stranger each."""
    trips = fleet.extra_trips(base["driver"], starts, base["origin"], rng)
    trips["driver"] = trips["vehicle"] = stranger(base)
    trips["target"] = trips["origin"]
    trips["origin_spot"] = trips["target_spot"] = -1
    trips["serial"] = base["serial"] | EXTRA
    return trips


def stranger(trips: Trips) -> npt.NDArray[np.uint32]:
    """For each trip the number of a driver, or vehicle, who makes no other."""
    number: npt.NDArray[np.uint32] = trips["serial"].astype(np.uint32) | STRANGER
    return number
