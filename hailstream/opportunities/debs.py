"""Lists as the lines of the DEBS 2015 Grand Challenge."""

from __future__ import annotations

from datetime import UTC, datetime

from hailstream.domain.clock import to_wall_clock
from hailstream.domain.opportunities.answers import PLACES, Opportunity, RoutesRanked

_NULL = "NULL"
_ROUTE_COLUMNS, _AREA_COLUMNS = 2, 4


def line(answer: Opportunity, delay_ms: int) -> str:
    """A list as a line, without its end.

    Pick-up and drop-off of the trip that changed it (New York), ten routes
    (start and end cell) or ten areas (cell, empty taxis, median profit and
    profitability in dollars), ``NULL`` for those there are not, and the delay.
    """
    if isinstance(answer, RoutesRanked):
        fields = [str(place) for route in answer.routes for place in (route.start, route.end)]
        width = PLACES * _ROUTE_COLUMNS
    else:
        fields = []
        for area in answer.areas:
            profitability = f"{area.profitability_cents / 100:.6f}"
            fields += [str(area.place), str(area.empty_taxis), dollars(area.median_half_cents), profitability]
        width = PLACES * _AREA_COLUMNS
    padded = fields + [_NULL] * (width - len(fields))
    return ",".join((local_time(answer.pickup), local_time(answer.dropoff), *padded, str(delay_ms)))


def dollars(half_cents: int) -> str:
    """Exactly: with two decimals, or three where half a cent is over."""
    text = f"{half_cents / 200:.3f}"
    return text if half_cents % 2 else text[:-1]


def local_time(moment: int | None) -> str:
    """Ms since 1970 as the files write it; ``NULL`` for none."""
    if moment is None:
        return _NULL
    return f"{to_wall_clock(datetime.fromtimestamp(moment / 1000, UTC)):%Y-%m-%d %H:%M:%S}"
