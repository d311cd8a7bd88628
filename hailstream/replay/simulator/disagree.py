"""Ends that say something else than the starts of their trips."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.replay.simulator.cases import Case
from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.strangers import stranger
from hailstream.replay.simulator.trips import Trips

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]

_LEAST_MS, _MOST_MS = 50, 20_000  # from a second on the times of the start differ


def disagree(
    trips: Trips, at: Rows, case: npt.NDArray[np.int64], size: Floats, city: City, rng: np.random.Generator
) -> Trips:
    """The trips as their ends tell them; the starts of those that disagree are marked as involved, in place.

    Args:
        at: rows of trips with a fault.
        case: of each of them; others than OTHER_ZONE, OTHER_DRIVER and OTHER_TIME are passed over.
        size: draws, 0 to below 1.
    """
    rows = at[case == Case.OTHER_ZONE]
    origin, target = trips["origin"][rows], trips["target"][rows]
    other = city.draw_cruise(origin, rng.random(len(rows)))
    # With another rate code the fare would change too.
    fits = (other != origin) & (city.rate_codes[other, target] == city.rate_codes[origin, target])
    elsewhere, zones = rows[fits], other[fits]
    timed = at[case == Case.OTHER_TIME]
    drawn = size[case == Case.OTHER_TIME]
    # The lower half of the draws is before, the upper one after the start.
    shift = np.rint(_LEAST_MS * (_MOST_MS / _LEAST_MS) ** (2 * drawn % 1)).astype(np.int64)
    # Where there is no other zone it is another driver.
    driven = np.concatenate((at[case == Case.OTHER_DRIVER], rows[~fits]))

    for involved in (elsewhere, timed, driven):
        trips["involved"][involved] = True
    ends = trips.copy()
    ends["origin"][elsewhere], ends["origin_spot"][elsewhere] = zones, -1
    ends["start"][timed] += np.where(drawn < 0.5, -shift, shift)
    ends["driver"][driven] = stranger(trips[driven])
    for changed, fault, extent in (
        (elsewhere, Case.OTHER_ZONE, np.ones(len(elsewhere))),
        (timed, Case.OTHER_TIME, shift / 1000),
        (driven, Case.OTHER_DRIVER, np.ones(len(driven))),
    ):
        ends["case"][changed], ends["size"][changed] = fault, extent
    return ends
