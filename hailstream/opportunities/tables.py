"""Lists by zone and their changes, for people."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from hailstream.domain.opportunities.answers import AreasRanked, Kind, Opportunity, Place, Route, RoutesRanked
from hailstream.domain.zones import ZONES, zone_name
from hailstream.opportunities.debs import dollars, local_time

if TYPE_CHECKING:
    from rich.table import Table


class Changes:
    """Counts the changes of lists, and remembers each list and the last changes.

    Args:
        shown: how many changes are remembered.

    Attributes:
        counts: changes by kind.
        routes, areas: the lists as they changed last.
    """

    def __init__(self, shown: int) -> None:
        self.counts: Counter[Kind] = Counter()
        self.routes: RoutesRanked | None = None
        self.areas: AreasRanked | None = None
        self._last: deque[tuple[str, str, str]] = deque(maxlen=shown)

    def add(self, answer: Opportunity) -> None:
        """Take a list that has changed."""
        if isinstance(answer, RoutesRanked):
            kind: Kind = "routes"
            before = [] if self.routes is None else [_route(each) for each in self.routes.routes]
            after, self.routes = [_route(each) for each in answer.routes], answer
        else:
            kind = "areas"
            before = [] if self.areas is None else [_zone(each.place) for each in self.areas.areas]
            after, self.areas = [_zone(each.place) for each in answer.areas], answer
        self.counts[kind] += 1
        self._last.append((local_time(answer.time), kind, described(before, after)))

    def tables(self) -> list[Table]:
        """The lists as they changed last, and the last changes."""
        tables = []
        if self.routes is not None:
            table = _table(f"most frequent routes, {local_time(self.routes.time)}", ["", "from", "to"], ["trips"])
            for number, route in enumerate(self.routes.routes, 1):
                table.add_row(str(number), _zone(route.start), _zone(route.end), str(route.trips))
            tables.append(table)
        if self.areas is not None:
            amounts = ["empty taxis", "median fare and tip", "for each taxi"]
            table = _table(f"most profitable areas, {local_time(self.areas.time)}", ["", "zone"], amounts)
            for number, area in enumerate(self.areas.areas, 1):
                median, each = f"${dollars(area.median_half_cents)}", f"${area.profitability_cents / 100:.2f}"
                table.add_row(str(number), _zone(area.place), str(area.empty_taxis), median, each)
            tables.append(table)
        if self._last:
            table = _table("last changes", ["New York time", "list", "change"], [])
            for row in self._last:
                table.add_row(*row)
            tables.append(table)
        return tables


def _table(title: str, texts: list[str], numbers: list[str]) -> Table:
    from rich.table import Table

    table = Table(*texts, title=title)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def described(before: list[str], after: list[str]) -> str:
    """What is new in a list, what is gone; else what stands at another place, or that only numbers are new."""
    parts = [f"{each} comes in at {place}" for place, each in enumerate(after, 1) if each not in before]
    parts += [f"{each} leaves" for each in before if each not in after]
    if not parts:
        parts = [f"{each} rises to {after.index(each) + 1}" for each in after if after.index(each) < before.index(each)]
    return "; ".join(parts) or "other numbers"


def _zone(place: Place) -> str:
    """A zone's name; with its id where several have the name."""
    assert isinstance(place, int)
    name = zone_name(place)
    return f"{name} ({place})" if name in _SHARED_NAMES else name


def _route(route: Route) -> str:
    return f"{_zone(route.start)} → {_zone(route.end)}"


_NAMES = [zone.name for zone in ZONES]
_SHARED_NAMES = frozenset(name for name in _NAMES if _NAMES.count(name) > 1)
