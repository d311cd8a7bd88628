"""Routes and areas the long way: all of it from scratch at each trip."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from statistics import median
from typing import NamedTuple

from hailstream.domain.events import Ended

MINUTE = 60_000
NORTH, WEST = 41.474937 + 0.004491556 / 2, -74.913585 - 0.005986 / 2


#: Kind and what places are, in the order of telling; to what places are, and the metres of a cell.
LISTS = {
    ("routes", "cell"): ("cell", 500),
    ("routes", "zone"): ("zone", 0),
    ("areas", "cell"): ("cell", 250),
    ("areas", "zone"): ("zone", 0),
}


class Said(NamedTuple):
    """A list that differs from the one before it."""

    kind: str
    by: str
    time: int
    trip_id: str | None
    rows: tuple[tuple[object, ...], ...]


class Trip(NamedTuple):
    """A trip between two places, by cell or by zone."""

    number: int
    time: int
    taxi: str | None
    profit: int | None
    start: tuple[int, ...]
    end: tuple[int, ...]


def cell(latitude: float, longitude: float, metres: int) -> tuple[int, int] | None:
    """The cell by the figures of the challenge; None outside."""
    if math.isnan(latitude) or math.isnan(longitude):
        return None
    east = math.floor((longitude - WEST) / (0.005986 * metres / 500))
    south = math.floor((NORTH - latitude) / (0.004491556 * metres / 500))
    cells = 150_000 // metres
    return (east + 1, south + 1) if 0 <= east < cells and 0 <= south < cells else None


def trip_between(number: int, end: Ended, by: str, metres: int) -> Trip | None:
    fare: int | None = end.fare_cents
    if by == "zone":
        if not {end.zone_id, end.end_zone_id} <= set(range(1, 264)):
            return None
        start, last = (end.zone_id,), (end.end_zone_id,)
        if fare is not None and not 0 <= fare <= 50_000:
            fare = None
    else:
        first = cell(end.latitude, end.longitude, metres)
        second = cell(end.end_latitude, end.end_longitude, metres)
        if first is None or second is None:
            return None
        start, last = first, second
    profit = None if fare is None else fare + (end.tip_cents or 0)
    return Trip(number, end.time, end.vehicle_id, profit, start, last)


def routes(window: list[Trip]) -> tuple[tuple[object, ...], ...]:
    """The list by the trips of half an hour."""
    counts = Counter((trip.start, trip.end) for trip in window)
    newest = {(trip.start, trip.end): trip.number for trip in window}
    ranked = sorted(counts, key=lambda route: (-counts[route], -newest[route]))
    return tuple((*route, counts[route]) for route in ranked[:10])


def areas(window: list[Trip], last: dict[str | None, int], now: int) -> tuple[tuple[object, ...], ...]:
    """The list by the trips of half an hour, and of each taxi the number of its last trip, by cell or by zone."""
    profits: dict[tuple[int, ...], list[int]] = {}
    empty: Counter[tuple[int, ...]] = Counter()
    newest: dict[tuple[int, ...], int] = {}
    for trip in window:
        newest[trip.start] = newest[trip.end] = trip.number
        if trip.profit is not None and now - trip.time < 15 * MINUTE:
            profits.setdefault(trip.start, []).append(trip.profit)
        if trip.taxi is not None and last[trip.taxi] == trip.number:
            empty[trip.end] += 1
    doubled = {area: int(2 * median(profits[area])) for area in profits.keys() & empty.keys()}
    ranked = sorted(doubled, key=lambda area: (-Fraction(doubled[area], empty[area]), -newest[area], area))
    return tuple((area, empty[area], doubled[area]) for area in ranked[:10])


class Challenge:
    """Says all changes of all lists.

    Args:
        passing: lists are emptied by time alone too; else only trips move the time on.
    """

    def __init__(self, *, passing: bool) -> None:
        self.said: list[Said] = []
        self._passing = passing
        self._known: list[Ended] = []
        self._last: dict[str | None, int] = {}
        self._trips: dict[tuple[str, int], list[Trip]] = {(by, m): [] for by, m in LISTS.values()}
        self._shown: dict[tuple[str, str], tuple[object, ...]] = {}

    def tell(self, ends: Iterable[Ended], until: int = 0) -> list[Said]:
        for end in ends:
            self._pause(end.time)
            recent = (other.trip_id for other in self._known if end.time - other.time < 30 * MINUTE)
            places = [trip_between(len(self._known), end, *how) for how in self._trips]
            if end.trip_id in recent or not any(places):
                continue
            self._last[end.vehicle_id] = len(self._known)
            self._known.append(end)
            for trips, trip in zip(self._trips.values(), places, strict=True):
                if trip is not None:
                    trips.append(trip)
            self._say(end.time, end.trip_id)
        self._pause(until)
        return self.said

    def _pause(self, until: int) -> None:
        if self._passing and self._known and self._known[-1].time + 30 * MINUTE < until:
            self._say(self._known[-1].time + 30 * MINUTE, None)

    def _say(self, now: int, trip_id: str | None) -> None:
        for (kind, by), how in LISTS.items():
            trips = [trip for trip in self._trips[how] if now - trip.time < 30 * MINUTE]
            rows = routes(trips) if kind == "routes" else areas(trips, self._last, now)
            # Routes are compared without their numbers, areas with them.
            seen = tuple(row[:2] for row in rows) if kind == "routes" else rows
            if seen != self._shown.get((kind, by), ()):
                self._shown[kind, by] = seen
                self.said.append(Said(kind, by, now, trip_id, rows))
