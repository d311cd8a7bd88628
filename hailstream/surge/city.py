"""Riders and taxis around a stadium, made up: what a simulated evening is made of.

Riders ask; taxis serve them, end trips near or elsewhere, and drive to riders who
wait and to better prices. A taxi that drives to another zone without a passenger
is counted where its last trip ended, as in life: nobody reports where it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hailstream.domain.events import ENDED_RANK, STARTED_RANK, Ended, Event, Started
from hailstream.domain.surge.price import FLOOR
from hailstream.domain.surge.taxis import MINUTE_MS

#: Flushing Meadows, with a ballpark and a tennis stadium.
STADIUM: Final = 93
#: Willets Point, North Corona, Corona, Flushing.
NEIGHBOURS: Final = (253, 173, 56, 92)
#: Minute in which the game ends.
GAME_END: Final = 4 * 60

_ZONES: Final = (STADIUM, *NEIGHBOURS)
_ELSEWHERE: Final = 138  # LaGuardia, for all that is not near
_RIDERS_A_MINUTE: Final = dict(zip(_ZONES, (1.5, 0.3, 0.8, 1.0, 2.2), strict=True))
_SHARES: Final = [rate / sum(_RIDERS_A_MINUTE.values()) for rate in _RIDERS_A_MINUTE.values()]
_CROWD: Final = 300  # riders out of the stadium
_CROWD_MINUTES: Final = 10.0  # from the end of the game until most leave it
_PATIENCE: Final = 15  # minutes that a rider waits
_TAXIS: Final = 600
_BUSY_ELSEWHERE: Final = 0.025  # riders elsewhere in a minute, for each taxi
_NEAR_SHARE: Final = 0.45  # of trips end near
_TO_GAME_SHARE: Final = 0.4  # of the trips that end near before the game go there
_TO_GAME_MINUTES: Final = 75
# Chances in a minute of an idle taxi:
_DRIVE_ON: Final = 0.01  # to come from elsewhere, or to leave for there
_HAILED: Final = 0.05  # to hear of riders who wait in a zone nearby
_PULL: Final = 0.03  # to follow a price that is higher by 1.0


@dataclass
class _Taxi:
    """A taxi; its zone is where it is, or will be when it is free."""

    number: int
    zone: int
    free_at: int = 0  # minute
    trip: Started | None = None


class City:
    """Some zones, minute by minute.

    Attributes:
        riders: by zone the minutes since which riders wait.
        tenths: by zone the multiplier that drivers see.

    Args:
        start: ms since 1970, of minute 0.
        seed: decides everything that prices do not.
    """

    def __init__(self, start: int, seed: int) -> None:
        self._start = start
        self._rng = np.random.Generator(np.random.PCG64(seed))
        self._trips = 0
        self.riders: dict[int, list[int]] = {zone: [] for zone in (*_ZONES, _ELSEWHERE)}
        self.tenths = dict.fromkeys((*_ZONES, _ELSEWHERE), FLOOR)
        places = self._rng.choice([*_ZONES, *[_ELSEWHERE] * 7], _TAXIS)
        self._taxis = [_Taxi(number, int(zone)) for number, zone in enumerate(places)]

    def events(self, minute: int) -> Iterator[Event]:
        """What happens in a minute, in no order."""
        for zone, rate in _RIDERS_A_MINUTE.items():
            crowd = _leaving(minute) if zone == STADIUM else 0.0
            self.riders[zone] = [since for since in self.riders[zone] if since + _PATIENCE > minute]
            self.riders[zone] += [minute] * int(self._rng.poisson(rate + crowd))
        self.riders[_ELSEWHERE] = [minute] * int(self._rng.poisson(_BUSY_ELSEWHERE * _TAXIS))
        chances = self._rng.random((_TAXIS, 3))
        for index in self._rng.permutation(_TAXIS):
            taxi = self._taxis[index]
            if taxi.free_at > minute:
                continue
            if taxi.trip is not None:
                yield self._end(taxi, taxi.trip, minute)
            elif self.riders[taxi.zone]:
                yield self._begin(taxi, minute)
            else:
                self._drive(taxi, minute, chances[index])

    def _begin(self, taxi: _Taxi, minute: int) -> Started:
        self.riders[taxi.zone].pop(0)
        self._trips += 1
        trip, driver = f"trip{self._trips}", f"driver{taxi.number}"
        place = (taxi.zone, math.nan, math.nan)
        taxi.trip = Started(self._moment(minute), STARTED_RANK, trip, None, driver, driver, *place, 1)
        taxi.free_at = minute + int(self._rng.integers(8, 26))
        taxi.zone = self._destination(taxi.free_at)
        return taxi.trip

    def _end(self, taxi: _Taxi, start: Started, minute: int) -> Ended:
        taxi.trip = None
        place = (taxi.zone, math.nan, math.nan)
        unknown = (None, None, None, None, None)
        return Ended(self._moment(minute), ENDED_RANK, *start[2:], start.time, *place, *unknown)

    def _destination(self, minute: int) -> int:
        near, to_game = self._rng.random(2)
        if near >= _NEAR_SHARE:
            return _ELSEWHERE
        if to_game < _TO_GAME_SHARE and minute < _TO_GAME_MINUTES:
            return STADIUM
        return int(self._rng.choice(_ZONES, p=_SHARES))

    def _drive(self, taxi: _Taxi, minute: int, chance: Any) -> None:
        """Perhaps drive on: to a better price, to riders who wait, or from elsewhere and away."""
        best = max(_ZONES, key=lambda zone: self.tenths[zone])
        gain = (self.tenths[best] - self.tenths[taxi.zone]) / 10
        far = taxi.zone == _ELSEWHERE
        waiting = [] if far else [zone for zone in _ZONES if self.riders[zone]]
        if chance[0] < _PULL * gain:
            taxi.zone = best
        elif waiting and chance[1] < _HAILED:
            taxi.zone = int(self._rng.choice(waiting))
        elif chance[2] < _DRIVE_ON:
            taxi.zone = int(self._rng.choice(_ZONES, p=_SHARES)) if far else _ELSEWHERE
        else:
            return
        taxi.free_at = minute + int(self._rng.integers(3, 10))

    def _moment(self, minute: int) -> int:
        return self._start + minute * MINUTE_MS + int(self._rng.integers(0, MINUTE_MS))


def _leaving(minute: int) -> float:
    """Riders who come out of the stadium in a minute: a gamma distribution in the time since the end of the game."""
    since = minute - GAME_END
    return _CROWD * since / _CROWD_MINUTES**2 * math.exp(-since / _CROWD_MINUTES) if since > 0 else 0.0
