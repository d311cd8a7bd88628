"""From numbers of places to places."""

from __future__ import annotations

from collections.abc import Iterable

from hailstream.domain.opportunities.answers import Area, By, Place, Route
from hailstream.domain.opportunities.areas import AreaRank
from hailstream.domain.opportunities.grid import cell
from hailstream.domain.opportunities.routes import RouteRank, route_ends


def named_routes(by: By, ranks: Iterable[RouteRank]) -> tuple[Route, ...]:
    """Routes with their places: cells of 500 m, or zones."""
    routes = []
    for trips, _, number in ranks:
        start, end = route_ends(number)
        places: tuple[Place, Place] = (start, end) if by == "zone" else (cell(start), cell(end))
        routes.append(Route(*places, trips))
    return tuple(routes)


def named_areas(by: By, ranks: Iterable[AreaRank]) -> tuple[Area, ...]:
    """Areas with their places: cells of 250 m, or zones."""
    return tuple(Area(-minus if by == "zone" else cell(-minus), taxis, median) for _, _, minus, taxis, median in ranks)
