"""What happens in the zones, minute by minute, out of the trips of some of the drivers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hailstream.domain.events import ENDED_RANK, MINUTE_RANK, STARTED_RANK
from hailstream.domain.fold import NEVER
from hailstream.domain.surge.sums import ZoneSums

MINUTE_MS: Final = 60_000
#: A taxi that has had no passenger for so long after its last is counted as idle no more.
IDLE_MS: Final = 30 * MINUTE_MS

_STARTS, _ENDS, _DRIVEN, _IDLE = range(4)

#: By zone.
Minute: TypeAlias = dict[int, ZoneSums]


@dataclass(frozen=True)
class ClosedMinutes:
    """What happened up to the end of a minute.

    Attributes:
        end: of the last minute (ms); nothing before it is to come.
        minutes: those in which something happened, since it was last told: (end, sums), in order.
    """

    end: int
    minutes: tuple[tuple[int, Minute], ...]


class ZoneMinutes:
    """Starts, ends and idle taxis of each zone and minute.

    An end makes the driver's taxi idle where it ended; the next start anywhere takes
    it away again, and so do thirty minutes. Events without a driver are counted and make
    nobody idle. A second copy of an event, which is of the same moment, is not counted.
    """

    ranks = frozenset({MINUTE_RANK, ENDED_RANK, STARTED_RANK})

    def __init__(self) -> None:
        # Minute to zone to sums; newest minute, its starts and ends; driver to (zone, since), the longest idle first.
        self._minutes: dict[int, dict[int, list[int]]] = {}
        self._trips: tuple[int, set[str], set[str]] = (0, set(), set())
        # A plain dict looks for its first item behind the places of all that were taken out.
        self._idle: OrderedDict[str, tuple[int, int]] = OrderedDict()

    @property
    def state(self) -> Any:
        return self._minutes, self._trips, self._idle

    @state.setter
    def state(self, state: Any) -> None:
        self._minutes, self._trips, self._idle = state

    @property
    def due(self) -> int:
        for _, since in self._idle.values():
            return since + IDLE_MS
        return NEVER

    def tell(self, told: Sequence[Any], watermark: int) -> Sequence[ClosedMinutes]:
        """See :meth:`Fold.tell`."""
        answers: list[ClosedMinutes] = []
        idle, due = self._idle, self.due
        minute, starts, ends = self._trips
        for event in told:
            time, rank, trip = event[:3]
            if due < time:
                self._tire(time)
                due = self.due
            if rank == MINUTE_RANK:
                answers.append(self._closed(time))
                if minute * MINUTE_MS < time:
                    minute, starts, ends = self._trips = (0, set(), set())
                continue
            if minute != time // MINUTE_MS:
                minute, starts, ends = self._trips = (time // MINUTE_MS, set(), set())
            known = ends if rank == ENDED_RANK else starts
            if trip in known:
                continue
            known.add(trip)
            driver = event.driver_id
            before = None if driver is None else idle.pop(driver, None)
            if before is not None:
                self._sums(minute, before[0])[_IDLE] -= 1
            if rank == STARTED_RANK:
                self._sums(minute, event.zone_id)[_STARTS] += 1
                continue
            zone = event.end_zone_id
            sums = self._sums(minute, zone)
            sums[_ENDS] += 1
            if driver is not None:
                sums[_DRIVEN] += 1
                sums[_IDLE] += 1
                idle[driver] = (zone, time)
                due = min(due, time + IDLE_MS)
        self._tire(watermark)
        return answers

    def _tire(self, now: int) -> None:
        """Taxis that had no passenger for too long before ``now`` are idle no more."""
        idle = self._idle
        while idle:
            driver, (zone, since) = next(iter(idle.items()))
            if since + IDLE_MS >= now:
                return
            del idle[driver]
            self._sums((since + IDLE_MS) // MINUTE_MS, zone)[_IDLE] -= 1

    def _closed(self, end: int) -> ClosedMinutes:
        """Tells the sums of all minutes up to this one."""
        closed = sorted(minute for minute in self._minutes if (minute + 1) * MINUTE_MS <= end)
        told = tuple(
            ((minute + 1) * MINUTE_MS, {zone: ZoneSums(*sums) for zone, sums in self._minutes.pop(minute).items()})
            for minute in closed
        )
        return ClosedMinutes(end, told)

    def _sums(self, minute: int, zone: int) -> list[int]:
        zones = self._minutes.get(minute)
        if zones is None:
            zones = self._minutes[minute] = {}
        sums = zones.get(zone)
        if sums is None:
            sums = zones[zone] = [0, 0, 0, 0]
        return sums
