"""What is said of routes, areas and drivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from hailstream.domain.opportunities.grid import Cell

Kind: TypeAlias = Literal["routes", "areas"]
By: TypeAlias = Literal["cell", "zone"]
#: A cell (of 500 m in routes, of 250 m in areas), or the id of a taxi zone.
Place: TypeAlias = Cell | int

#: Places of a list.
PLACES: Final = 10


class Route(NamedTuple):
    """From where to where, and how many trips of the last 30 minutes went there."""

    start: Place
    end: Place
    trips: int


class Area(NamedTuple):
    """A place with empty taxis.

    ``median_half_cents`` is the median of fare and tip of the last 15 minutes, in
    half cents, because of an even number the median is the mean of two.
    """

    place: Place
    empty_taxis: int
    median_half_cents: int

    @property
    def profitability_cents(self) -> float:
        """Cents for each empty taxi."""
        return self.median_half_cents / (2 * self.empty_taxis)


@dataclass(frozen=True)
class Ranked:
    """A list that has changed.

    Attributes:
        by: what places are: cells or zones.
        time: ms since 1970, from when on the list holds.
        trip_id: the trip whose end changed it, by coming or by moving the time on;
            None where nothing came for so long that the list is empty.
        pickup, dropoff: times of that trip, ms.
    """

    by: By
    time: int
    trip_id: str | None
    pickup: int | None
    dropoff: int | None


@dataclass(frozen=True)
class RoutesRanked(Ranked):
    """The routes with the most trips, up to ten, the first one first. Their numbers are those of ``time``."""

    routes: tuple[Route, ...]


@dataclass(frozen=True)
class AreasRanked(Ranked):
    """The areas with the highest profitability, up to ten, the first one first."""

    areas: tuple[Area, ...]


@dataclass(frozen=True)
class BestTips:
    """The driver with the most tips of an hour.

    Attributes:
        window_start, window_end: of the hour, ms since 1970; the end is not part of it.
        driver_id: pseudonym.
        tip_cents: sum of the driver's tips.
    """

    window_start: int
    window_end: int
    driver_id: str
    tip_cents: int


Opportunity: TypeAlias = RoutesRanked | AreasRanked
