"""Routes by their number of trips."""

from __future__ import annotations

from typing import Final, TypeAlias

from hailstream.domain.opportunities.leaders import Leaders

_END_BITS: Final = 20
_END_MASK: Final = (1 << _END_BITS) - 1

#: Trips, number of the newest one, route: highest is first, and of equal ones the route driven last.
RouteRank: TypeAlias = tuple[int, int, int]


def route_number(start: int, end: int) -> int:
    """A number for a route between two places with numbers below 2**20."""
    return start << _END_BITS | end


def route_ends(number: int) -> tuple[int, int]:
    """The places of a route's number."""
    return number >> _END_BITS, number & _END_MASK


class Routes:
    """Counts the trips of routes; which trips count is the caller's to say.

    Attributes:
        leaders: of the routes.
    """

    def __init__(self) -> None:
        self.leaders = Leaders()
        self._routes: dict[int, list[int]] = {}  # to [trips, number of the newest]
        self._shown: list[int] = []

    def add(self, route: int, trip: int) -> None:
        """Count a trip; ``trip`` is its number in the order of trips."""
        known = self._routes.get(route)
        if known is None:
            self._routes[route] = [1, trip]
            if self.leaders.low <= 1:
                self.leaders.replace(None, (1, trip, route))
            return
        trips, newest = known
        known[0] = trips + 1
        known[1] = trip
        if self.leaders.low <= trips + 1:
            self.leaders.replace((trips, newest, route), (trips + 1, trip, route))

    def remove(self, route: int) -> None:
        """Count one trip less."""
        known = self._routes[route]
        trips, newest = known
        if trips > 1:
            known[0] = trips - 1
        else:
            del self._routes[route]
        if self.leaders.low <= trips:
            new = (trips - 1, newest, route) if trips > 1 else None
            self.leaders.replace((trips, newest, route), new)

    @property
    def shown(self) -> list[int]:
        """The routes that were told last, as plain builtins."""
        return self._shown

    def show(self, routes: list[int]) -> None:
        """Take these for those that were told last."""
        self._shown = routes
        self.leaders.touched = True

    def changed(self) -> list[RouteRank] | None:
        """The first ten, if they are not the same in the same order as when this was last asked."""
        everyone = ((trips, newest, route) for route, (trips, newest) in self._routes.items())
        top: list[RouteRank] = self.leaders.top(everyone)
        shown = [route for _, _, route in top]
        if shown == self._shown:
            return None
        self._shown = shown
        return top
