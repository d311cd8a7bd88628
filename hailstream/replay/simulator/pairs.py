"""What dishonest drivers do beside an honest trip: a second trip, or a refund, about it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.geo import great_circle_miles
from hailstream.domain.zones import ZONES
from hailstream.replay.simulator.cases import Case
from hailstream.replay.simulator.city import SIZE, City
from hailstream.replay.simulator.fleet import Fleet
from hailstream.replay.simulator.plan import CRUISE_MPH
from hailstream.replay.simulator.rhythm import HOUR_MS
from hailstream.replay.simulator.trips import EXTRA, STRANGER, Trips

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Millis: TypeAlias = npt.NDArray[np.int64]

_LEAST_OVERLAP_MS, _MOST_OVERLAP_MS = 5_000, 600_000  # more than 30 s are too much
_NO_OVERLAP_BELOW_MS = 300_000
_ROOM_MS = 300_000  # between two trips, for a short one that overlaps the first
_SLOWEST_MPH, _FASTEST_MPH = 40.0, 160.0  # between two trips 80 are impossible
_WAY_MILES = 3.8  # about as long is the way; below 3 none is judged
_SHORTEST_WAY_MILES = 1.5
_BACK_MPH = 70.0  # at most as fast drivers come back to where they would have been
_PLACE_MILES = 2.0  # from the middle of a zone to where in it somebody is
_LEAST_CHANGE_MS, _MOST_CHANGE_MS = 30_000, 570_000  # to another vehicle; below 5 minutes is too soon
_CHANGE_BACK_MS = 330_000
_AT_ONCE = 0.4  # of refunds
_LATEST_REFUND_MS = 2 * HOUR_MS  # after an hour nobody waits for one


class PairMaker:
    """Makes the trips that a fraud puts beside an honest one.

    The driver then goes on as if nothing had been, and must be able to: a trip
    that leaves no room for the next one is not made.
    """

    def __init__(self, fleet: Fleet, city: City, rng: np.random.Generator) -> None:
        self._fleet, self._city, self._rng = fleet, city, rng
        self._middles = np.full((SIZE, 2), np.nan)
        for zone in ZONES:
            if zone.latitude is not None and zone.zone_id < SIZE:
                self._middles[zone.zone_id] = zone.latitude, zone.longitude

    def make(
        self, trips: Trips, next_start: Millis, case: npt.NDArray[np.int64], size: Floats
    ) -> tuple[list[Trips], Flags]:
        """The extra trips, and for which of ``trips`` one was made.

        Args:
            next_start: when the driver's next trip begins, ms.
            case: the fault that each trip shall have; only those of a pair are made.
            size: draws, 0 to below 1.
        """
        lasts, room = trips["end"] - trips["start"], next_start - trips["end"]
        done = np.zeros(len(trips), np.bool_)
        made: list[Trips] = []
        for fault, make in (
            (Case.OVERLAP, self._overlaps),
            (Case.TRAVEL, self._travels),
            (Case.VEHICLES, self._vehicles),
            (Case.REFUND, self._refunds),
        ):
            rows = np.flatnonzero(case == fault)
            extras, fits = make(trips[rows], size[rows], lasts[rows], room[rows])
            rows, extras = rows[fits], extras[fits]
            extras["partner"] = trips["serial"][rows]
            extras["serial"] = extras["partner"] | EXTRA
            extras["case"] = fault
            done[rows] = True
            made.append(extras)
        return made, done

    def _overlaps(self, base: Trips, size: Floats, lasts: Millis, room: Millis) -> tuple[Trips, Flags]:
        """A trip that begins shortly before the driver's ends."""
        most = np.clip(lasts / 4, _LEAST_OVERLAP_MS, _MOST_OVERLAP_MS)
        shared = np.rint(_LEAST_OVERLAP_MS * (most / _LEAST_OVERLAP_MS) ** size).astype(np.int64)
        extras = self._nearby(base, base["end"] - shared, shared + 60_000 + (60_000 * size).astype(np.int64))
        extras["size"] = shared / 1000
        return extras, (lasts >= _NO_OVERLAP_BELOW_MS) & (room >= _ROOM_MS)

    def _travels(self, base: Trips, size: Floats, _: Millis, room: Millis) -> tuple[Trips, Flags]:
        """A trip that begins too far away too soon."""
        away, miles = self._away(base["target"], base["target_spot"])
        mph = _SLOWEST_MPH + (_FASTEST_MPH - _SLOWEST_MPH) * size
        gap = np.rint(miles / mph * HOUR_MS).astype(np.int64)
        extras = self._short(base, base["end"] + gap, 120_000 + (60_000 * size).astype(np.int64), away, -1)
        extras["size"] = miles * HOUR_MS / np.maximum(gap, 1)
        extras["basis"] = miles
        # Who looks for a passenger is at most so far away when the next one is found.
        back = (miles + _PLACE_MILES + room / HOUR_MS * CRUISE_MPH) / _BACK_MPH * HOUR_MS
        return extras, (miles >= _SHORTEST_WAY_MILES) & (extras["end"] + back <= base["end"] + room)

    def _vehicles(self, base: Trips, size: Floats, _: Millis, room: Millis) -> tuple[Trips, Flags]:
        """A trip in another vehicle, right there."""
        gap = np.rint(_LEAST_CHANGE_MS + (_MOST_CHANGE_MS - _LEAST_CHANGE_MS) * size).astype(np.int64)
        extras = self._nearby(base, base["end"] + gap, 120_000 + (60_000 * size).astype(np.int64))
        extras["vehicle"] |= STRANGER
        extras["size"] = gap / 1000
        return extras, extras["end"] + _CHANGE_BACK_MS <= base["end"] + room

    def _refunds(self, base: Trips, size: Floats, _: Millis, __: Millis) -> tuple[Trips, Flags]:
        """The same trip with its amounts negated, at once or later."""
        later = np.clip((size - _AT_ONCE) / (1 - _AT_ONCE), 0, None)
        extras = base.copy()
        extras["delay"] = np.rint(_LATEST_REFUND_MS * later).astype(np.int64)
        extras["size"] = extras["delay"] / 1000
        return extras, np.ones(len(base), np.bool_)

    def _nearby(self, base: Trips, starts: Millis, lasts: Millis) -> Trips:
        return self._short(base, starts, lasts, base["target"], base["target_spot"])

    def _short(self, base: Trips, starts: Millis, lasts: Millis, zones: npt.NDArray[np.int16], spots: object) -> Trips:
        """Short trips of the driver within a zone."""
        extras = self._fleet.extra_trips(base["driver"], starts, zones, self._rng)
        extras["origin_spot"] = extras["target_spot"] = spots
        extras["target"] = zones
        extras["end"] = starts + lasts
        extras["miles_100"] = np.rint(np.minimum(self._city.miles[zones, zones], 0.7) * 100)
        return extras

    def _away(
        self, zones: npt.NDArray[np.int16], spots: npt.NDArray[np.int8]
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float64]]:
        """Of some zones drawn for each place the one that is about as far as it shall be, and the miles to its middle.

        Args:
            zones, spots: the place: a point of the zone, or its middle where there is none (-1).
        """
        here = self._middles[zones]
        by_point = spots >= 0
        here[by_point, 0] = self._city.latitudes[zones, spots][by_point]
        here[by_point, 1] = self._city.longitudes[zones, spots][by_point]
        drawn = self._city.draw_pickup(self._rng.random(16 * len(zones))).reshape(16, -1)
        there = self._middles[drawn]
        miles = great_circle_miles(here[:, 0], here[:, 1], there[..., 0], there[..., 1])
        miles = np.nan_to_num(miles, nan=0.0)
        best = np.argmin(np.abs(miles - _WAY_MILES), axis=0)
        columns = np.arange(len(zones))
        away: npt.NDArray[np.int16] = drawn[best, columns]
        return away, miles[best, columns]
