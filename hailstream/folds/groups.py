"""The folds that alerts come from, by what their state belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from hailstream.domain.alerts.alert import Alert
from hailstream.domain.alerts.drivers import DriverTrips
from hailstream.domain.alerts.outliers import FareOutliers
from hailstream.domain.alerts.refunds import Refunds
from hailstream.domain.alerts.rides import OpenRides
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.fold import Fold, Together
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, Topic


@dataclass(frozen=True)
class Group:
    """A fold, or several with the same key.

    Attributes:
        name: of the group.
        key: column that the state belongs to; events without it are nobody's.
        columns: by topic what the fold reads beside time, trip_id and zone_id; a
            topic that is absent is not read. Names are those of the events' fields.
        make: a fold without memory.
        late_ends: what is done with an end that comes late: it is not told, or told
            at the watermark it met, or told as it is. A late start is not told.
    """

    name: str
    key: Literal["trip_id", "driver_id", "zone_id"]
    columns: dict[Topic, tuple[str, ...]]
    make: Callable[[Thresholds], Fold[Alert]]
    late_ends: Literal["left out", "moved", "kept"] = "left out"


_PLACE = ("latitude", "longitude")

#: Ends that a rule finds by themselves. They wait for nothing, so there is no fold.
SINGLE: Final = Group(
    "single",
    "trip_id",
    {TRIPS_ENDED: ("driver_id", "started_at", "miles", "rate_code", "fare_cents")},
    make=lambda _: Together(),
    late_ends="kept",
)

#: Their order is that of their keys on a cluster, so a new one goes to the end.
GROUPS: Final[tuple[Group, ...]] = (
    Group(
        "rides",
        "trip_id",
        {TRIPS_STARTED: ("driver_id",), TRIPS_ENDED: ()},
        make=OpenRides,
        late_ends="moved",
    ),
    Group(
        "drivers",
        "driver_id",
        {
            TRIPS_STARTED: ("driver_id", "vehicle_id", *_PLACE),
            TRIPS_ENDED: ("driver_id", "started_at", "end_zone_id", "end_latitude", "end_longitude"),
        },
        make=DriverTrips,
    ),
    Group(
        "zones",
        "zone_id",
        {TRIPS_ENDED: ("vendor_id", "driver_id", "started_at", "miles", "fare_cents", "total_cents")},
        make=lambda thresholds: Together(FareOutliers(thresholds), Refunds(thresholds)),
    ),
    SINGLE,
)
