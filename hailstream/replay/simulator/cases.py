"""Every fault there is, by kind and case."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Case(IntEnum):
    """Every fault there is; an event carries one at most. The value stands in a frame's ``_case``."""

    NONE = 0
    LATE = 1
    AT_ONCE = 2
    AFTER_SECONDS = 3
    AFTER_MINUTE = 4
    RANDOM = 5
    TRUNCATED = 6
    LENGTHENED = 7
    FLIPPED = 8
    UNKNOWN_SCHEMA = 9
    EMPTY = 10
    FARE_BOUND = 11
    DISTANCE_BOUND = 12
    DURATION_BOUND = 13
    PASSENGERS_BOUND = 14
    COORDINATES_BOUND = 15
    SPEED = 16
    FARE = 17
    OVERLAP = 18
    TRAVEL = 19
    VEHICLES = 20
    REFUND = 21
    OUTLIER = 22
    VELOCITY = 23
    OPEN = 24
    NEVER_ENDED = 25
    OTHER_ZONE = 26
    OTHER_DRIVER = 27
    OTHER_TIME = 28


#: Kind and case of each fault, as the ledger writes them.
NAMES: Mapping[Case, tuple[str, str]] = {
    Case.LATE: ("late", "late"),
    Case.AT_ONCE: ("duplicate", "at_once"),
    Case.AFTER_SECONDS: ("duplicate", "after_seconds"),
    Case.AFTER_MINUTE: ("duplicate", "after_minute"),
    Case.RANDOM: ("corrupt", "random"),
    Case.TRUNCATED: ("corrupt", "truncated"),
    Case.LENGTHENED: ("corrupt", "lengthened"),
    Case.FLIPPED: ("corrupt", "flipped"),
    Case.UNKNOWN_SCHEMA: ("corrupt", "unknown_schema"),
    Case.EMPTY: ("corrupt", "empty"),
    Case.FARE_BOUND: ("bounds", "fare"),
    Case.DISTANCE_BOUND: ("bounds", "distance"),
    Case.DURATION_BOUND: ("bounds", "duration"),
    Case.PASSENGERS_BOUND: ("bounds", "passengers"),
    Case.COORDINATES_BOUND: ("bounds", "coordinates"),
    Case.SPEED: ("speed", "speed"),
    Case.FARE: ("fraud", "fare"),
    Case.OUTLIER: ("fraud", "outlier"),
    Case.OVERLAP: ("fraud", "overlap"),
    Case.TRAVEL: ("fraud", "travel"),
    Case.VEHICLES: ("fraud", "vehicles"),
    Case.VELOCITY: ("fraud", "velocity"),
    Case.REFUND: ("fraud", "refund"),
    Case.OPEN: ("rides", "open"),
    Case.NEVER_ENDED: ("rides", "never_ended"),
    Case.OTHER_ZONE: ("rides", "other_zone"),
    Case.OTHER_DRIVER: ("rides", "other_driver"),
    Case.OTHER_TIME: ("rides", "other_time"),
}

#: Faults of trips that another trip is about.
PAIRS = frozenset((Case.OVERLAP, Case.TRAVEL, Case.VEHICLES, Case.REFUND))
#: Trips that only a fault makes, so that their starts show it too. A refund has no start.
EXTRA_TRIPS = frozenset((Case.OVERLAP, Case.TRAVEL, Case.VEHICLES, Case.VELOCITY, Case.OPEN, Case.NEVER_ENDED))
