"""The folds there are, by what their state belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from hailstream.domain.alerts.drivers import DriverTrips
from hailstream.domain.alerts.outliers import FareOutliers
from hailstream.domain.alerts.refunds import Refunds
from hailstream.domain.alerts.rides import OpenRides
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.fold import Fold, Together
from hailstream.domain.opportunities.paced import PacedOpportunities
from hailstream.domain.opportunities.tips import BestDriver
from hailstream.domain.surge.taxis import ZoneMinutes
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic


@dataclass(frozen=True)
class Part:
    """One fold of a group.

    Attributes:
        purposes: what it is for; a job asks for folds by their purposes.
        columns: by topic what the fold reads beside time, trip_id and zone_id; a
            topic that is absent is not read. Names are those of the events' fields.
        make: a fold without memory.
        by_minute: it is told the ends of minutes.
    """

    purposes: tuple[str, ...]
    columns: dict[Topic, tuple[str, ...]]
    make: Callable[[Thresholds], Fold[Any]]
    by_minute: bool = False


@dataclass(frozen=True)
class Group:
    """Folds that share a key, and so the packets of their events.

    Attributes:
        name: of the group.
        key: columns of which the first that is known is what state belongs to; events
            without any are nobody's. No columns: there is one state for all.
        parts: the folds.
        late_ends: what is done with an end that comes late: it is not told, or told at the
            watermark it met, under a rank of its own, or told as it is. A late start is not told.
    """

    name: str
    key: tuple[Literal["trip_id", "driver_id", "zone_id"], ...]
    parts: tuple[Part, ...]
    late_ends: Literal["left out", "moved", "kept"] = "left out"

    @property
    def columns(self) -> dict[Topic, tuple[str, ...]]:
        """By topic what its folds read."""
        columns: dict[Topic, dict[str, None]] = {}
        for part in self.parts:
            for topic, names in part.columns.items():
                columns.setdefault(topic, {}).update(dict.fromkeys(names))
        return {topic: tuple(names) for topic, names in columns.items()}

    @property
    def by_minute(self) -> bool:
        return any(part.by_minute for part in self.parts)

    def make(self, thresholds: Thresholds) -> Fold[Any]:
        """Its folds as one, without memory."""
        return Together(*(part.make(thresholds) for part in self.parts))


_PLACE = ("latitude", "longitude")

#: Ends that a rule finds by themselves. They wait for nothing, so there is no fold.
_SINGLE = Part(
    ("alerts",),
    {TRIPS_ENDED: ("driver_id", "started_at", "miles", "rate_code", "fare_cents")},
    make=lambda _: Together(),
)
_RIDES = Part(
    ("alerts",),
    {TRIPS_STARTED: ("driver_id",), TRIPS_ENDED: ("driver_id", "started_at")},
    make=OpenRides,
)
_DRIVERS = Part(
    ("alerts",),
    {
        TRIPS_STARTED: ("driver_id", "vehicle_id", *_PLACE),
        TRIPS_ENDED: ("driver_id", "started_at", "end_zone_id", "end_latitude", "end_longitude", "total_cents"),
    },
    make=DriverTrips,
)
_MINUTES = Part(
    ("surge", "forecast"),
    {TRIPS_STARTED: ("driver_id",), TRIPS_ENDED: ("driver_id", "end_zone_id")},
    make=lambda _: ZoneMinutes(),
    by_minute=True,
)
_ZONES = Part(
    ("alerts",),
    {TRIPS_ENDED: ("vendor_id", "driver_id", "started_at", "miles", "rate_code", "fare_cents", "total_cents")},
    make=lambda thresholds: Together(FareOutliers(thresholds), Refunds(thresholds)),
)

_OPPORTUNITIES = Part(
    ("opportunities",),
    {
        TRIPS_ENDED: (
            *("driver_id", "vehicle_id", "started_at", *_PLACE, "end_zone_id", "end_latitude", "end_longitude"),
            *("fare_cents", "tip_cents"),
        )
    },
    make=lambda _: Together(PacedOpportunities(), BestDriver()),
)

#: Their order is that of their keys on a cluster, so a new one goes to the end.
GROUPS: Final[tuple[Group, ...]] = (
    Group("rides", ("trip_id",), (_RIDES,), late_ends="moved"),
    # Trips without a driver are divided among the shards too: they count in minutes.
    Group("drivers", ("driver_id", "trip_id"), (_DRIVERS, _MINUTES)),
    Group("zones", ("zone_id",), (_ZONES,)),
    Group("single", ("trip_id",), (_SINGLE,), late_ends="kept"),
    Group("city", (), (_OPPORTUNITIES,)),
)
SINGLE: Final = "single"


def wanted_groups(purposes: Collection[str], shards: int) -> dict[int, Group]:
    """The groups, by their place in ``GROUPS``, with the folds of those purposes alone.

    Args:
        purposes: of folds.
        shards: that the keys of each group are divided among. Where it is one, all folds are one
            group, at the place of the first: events are packed, sent, kept and put in order once.
    """
    wanted = set(purposes)
    reduced = (
        replace(group, parts=tuple(part for part in group.parts if wanted & set(part.purposes))) for group in GROUPS
    )
    groups = {place: group for place, group in enumerate(reduced) if group.parts}
    folds = {place: group for place, group in groups.items() if group.name != SINGLE}
    if shards > 1 or len(folds) < 2:
        return groups
    parts = tuple(part for group in folds.values() for part in group.parts)
    moved = any(group.late_ends == "moved" for group in folds.values())
    one = Group("all", (), parts, late_ends="moved" if moved else "left out")
    return {place: one if place in folds else groups[place] for place in (min(folds), *(groups.keys() - folds.keys()))}
