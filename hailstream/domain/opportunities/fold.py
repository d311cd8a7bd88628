"""The fold that ranks routes and areas, by cell and by zone.

What it remembers is the trips that ended in the last 30 minutes; counts, medians
and lists follow from them, and are made anew when the memory is given back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, TypeAlias, get_args

from hailstream.domain.events import ENDED_RANK, Ended
from hailstream.domain.fold import NEVER, OneByOne
from hailstream.domain.opportunities.answers import AreasRanked, By, Kind, Opportunity, RoutesRanked
from hailstream.domain.opportunities.areas import Areas
from hailstream.domain.opportunities.grid import NOWHERE, large_number, small_numbers
from hailstream.domain.opportunities.names import named_areas, named_routes
from hailstream.domain.opportunities.routes import Routes, route_number
from hailstream.domain.rules import BOUNDS
from hailstream.domain.zones import UNKNOWN

MINUTE_MS: Final = 60_000
#: Trips count for routes, and their taxis as empty, while they ended less than so long ago.
ROUTES_MS: Final = 30 * MINUTE_MS
#: And for profits less than so long.
PROFITS_MS: Final = 15 * MINUTE_MS

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
BYS: Final[tuple[By, ...]] = get_args(By)

# What is remembered of a trip is a tuple of these: places are numbers, NOWHERE in a pair of which one is not known.
_TIME, _TRIP, _TAXI = range(3)
#: By what places are: route, start, end, profit (cents).
_FIELDS: Final[dict[By, tuple[int, int, int, int]]] = {"cell": (3, 4, 5, 6), "zone": (7, 8, 9, 10)}

_NO_PLACES: Final[tuple[int, int, int, int | None]] = (NOWHERE, NOWHERE, NOWHERE, None)
_FARE: Final = BOUNDS.fare

Remembered: TypeAlias = tuple[Any, ...]
#: The trip that changed a list, and its times.
Cause: TypeAlias = tuple[str | None, int | None, int | None]
NOBODY: Final[Cause] = (None, None, None)


class Opportunities(OneByOne[Opportunity]):
    """The most frequent routes and the most profitable areas, whenever a list changes.

    Trips that lie neither within the grid nor between known zones take no part,
    and do not move the time on. A second copy of a trip says nothing new.

    Args:
        kinds, by: which lists are wanted.
    """

    ranks = frozenset({ENDED_RANK})

    def __init__(self, kinds: Collection[Kind] = KINDS, by: Collection[By] = BYS) -> None:
        self._kinds, self._by = tuple(kinds), tuple(by)
        self._begin()

    def _begin(self) -> None:
        self._window: deque[Remembered] = deque()
        self._paying: deque[Remembered] = deque()  # the newer part of the window
        self._known: dict[str, Remembered] = {}
        self._taxis: dict[str, Remembered] = {}  # to their last trip
        self._told = 0
        self._routes = [(by, Routes(), _FIELDS[by][0]) for by in self._by if "routes" in self._kinds]
        self._areas = [(by, Areas(), *_FIELDS[by][1:]) for by in self._by if "areas" in self._kinds]
        self._leaders = [routes.leaders for _, routes, _ in self._routes]
        self._leaders += [areas.leaders for _, areas, *_ in self._areas]

    @property
    def state(self) -> Any:
        return self._window

    @state.setter
    def state(self, state: Iterable[Remembered]) -> None:
        self._restore(state)

    def _restore(self, trips: Iterable[Remembered]) -> None:
        self._begin()
        for trip in trips:
            self._pass(trip[_TIME])
            self._add(trip)
        # What was said is not said again.
        for _, routes, _ in self._routes:
            routes.changed()
        for _, areas, *_ in self._areas:
            areas.changed()

    @property
    def due(self) -> int:
        return int(self._window[-1][_TIME]) + ROUTES_MS if self._window else NEVER

    def event(self, event: Ended) -> Sequence[Opportunity]:
        if self._take(event):
            for leaders in self._leaders:
                if leaders.touched:
                    return self._changes(event.time, (event.trip_id, event.started_at, event.time))
        return ()

    def _take(self, end: Ended) -> bool:
        """Whether a trip takes part; it is counted then."""
        first = self._known.get(end.trip_id)
        if first is not None and end.time - first[_TIME] < ROUTES_MS:
            return False
        trip = _remembered(end)
        if trip is None:
            return False
        self._pass(end.time)
        self._add(trip)
        return True

    def at(self, moment: int) -> Sequence[Opportunity]:
        self._pass(moment)
        return self._changes(moment, NOBODY)

    def _pass(self, now: int) -> None:
        """Forget what is too old."""
        paying = self._paying
        while paying and paying[0][_TIME] <= now - PROFITS_MS:
            trip = paying.popleft()
            for _, areas, start, _, profit in self._areas:
                if trip[profit] is not None:
                    areas.forget_profit(trip[start], trip[profit])
        window = self._window
        while window and window[0][_TIME] <= now - ROUTES_MS:
            trip = window.popleft()
            del self._known[trip[_TRIP]]
            for _, routes, route in self._routes:
                if trip[route]:
                    routes.remove(trip[route])
            if self._taxis.get(trip[_TAXI]) is trip:
                del self._taxis[trip[_TAXI]]
                for _, areas, _, end, _ in self._areas:
                    if trip[end]:
                        areas.forget_taxi(trip[end])

    def _add(self, trip: Remembered) -> None:
        self._window.append(trip)
        self._paying.append(trip)
        self._known[trip[_TRIP]] = trip
        number = self._told = self._told + 1
        for _, routes, route in self._routes:
            if trip[route]:
                routes.add(trip[route], number)
        taxi = trip[_TAXI]
        before = None
        if taxi is not None:
            before = self._taxis.get(taxi)
            self._taxis[taxi] = trip
        for _, areas, start, end, profit in self._areas:
            left = NOWHERE if before is None else before[end]
            if trip[start]:
                areas.add(trip[start], trip[profit], trip[end], taxi is not None, left, number)
            elif left:
                areas.forget_taxi(left)

    def _changes(self, time: int, cause: Cause) -> list[Opportunity]:
        """The lists that are others than when they were said last, because of a trip."""
        answers: list[Opportunity] = []
        for by, routes, _ in self._routes:
            if routes.leaders.touched and (ranks := routes.changed()) is not None:
                answers.append(RoutesRanked(by, time, *cause, named_routes(by, ranks)))
        for by, areas, *_ in self._areas:
            if areas.leaders.touched and (found := areas.changed()) is not None:
                answers.append(AreasRanked(by, time, *cause, named_areas(by, found)))
        return answers


def _remembered(end: Ended) -> Remembered | None:
    """What is remembered of a trip; None where it takes no part."""
    fare = end.fare_cents
    # A tip that is not known is none: files leave it blank where it was cash.
    profit = None if fare is None else fare + (end.tip_cents or 0)
    zones = _NO_PLACES
    start, last = end.zone_id, end.end_zone_id
    if 0 < start < UNKNOWN and 0 < last < UNKNOWN:
        # The challenge takes fares as they are; for people those outside their bound are left out.
        zones = (route_number(start, last), start, last, None if _FARE.outside(fare) else profit)
    found = small_numbers(end.latitude, end.longitude, end.end_latitude, end.end_longitude)
    if found is not None:
        start, last = found
        route = route_number(large_number(start), large_number(last))
        return (end.time, end.trip_id, end.vehicle_id, route, start, last, profit, *zones)
    if zones is _NO_PLACES:
        return None
    return (end.time, end.trip_id, end.vehicle_id, *_NO_PLACES, *zones)
