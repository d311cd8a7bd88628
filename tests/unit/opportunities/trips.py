"""Trips for the tests, and a fold's answers as the oracle says them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from hailstream.domain.events import ENDED_RANK, Ended
from hailstream.domain.opportunities.answers import Opportunity, Place, RoutesRanked
from hailstream.domain.opportunities.fold import Opportunities
from tests.unit.opportunities.oracle import Said

SECOND, MINUTE = 1_000, 60_000
#: 2013-01-01 00:00 in New York.
NEW_YEAR = 1_357_016_400_000
NAN = float("nan")

#: Zone, latitude, longitude.
HARLEM = (41, 40.804, -73.951)
TIMES_SQUARE = (230, 40.759, -73.985)
KENNEDY = (132, 40.645, -73.785)
AT_SEA = (265, 39.0, -70.0)
WITHOUT_PLACE = (161, NAN, NAN)
WITHOUT_ZONE = (264, 40.755, -73.975)


def trip(
    time: int,
    name: str = "t",
    start: tuple[int, float, float] = HARLEM,
    end: tuple[int, float, float] = TIMES_SQUARE,
    taxi: str | None = "v",
    fare: int | None = 10_00,
    tip: int | None = 0,
    **more: Any,
) -> Ended:
    """A trip of ten minutes that ended ``time`` ms after the new year began."""
    ended = NEW_YEAR + time
    values: dict[str, Any] = {
        "time": ended,
        "rank": ENDED_RANK,
        "trip_id": name,
        "vendor_id": "1",
        "driver_id": "d",
        "vehicle_id": taxi,
        "passengers": 1,
        "started_at": ended - 10 * MINUTE,
        "miles": 2.0,
        "rate_code": 1,
        "fare_cents": fare,
        "total_cents": None,
        "tip_cents": tip,
    }
    values |= dict(zip(("zone_id", "latitude", "longitude"), start, strict=True))
    values |= dict(zip(("end_zone_id", "end_latitude", "end_longitude"), end, strict=True))
    return Ended(**(values | more))


def few_places(seed: int) -> list[Ended]:
    """A hundred trips between few places, of every oddity, at times that are just at the edge of windows."""
    chance = random.Random(seed)
    places = (HARLEM, TIMES_SQUARE, KENNEDY, KENNEDY, AT_SEA, WITHOUT_PLACE, WITHOUT_ZONE)
    time, ends = 0, []
    for number in range(100):
        if ends and chance.random() < 0.1:
            ends.append(ends[-1]._replace(time=NEW_YEAR + time))  # a copy, now or later
            continue
        amounts = chance.choice((None, -500, 900, 1000, 1001, 60_000)), chance.choice((None, 0, 0, 100))
        start, end = chance.choice(places), chance.choice(places)
        ends.append(trip(time, f"t{number}", start, end, chance.choice(("a", "b", "c", None)), *amounts))
        time += chance.choice((0, 0, SECOND, MINUTE, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE))
    return ends


def many_places(seed: int, trips: int = 250) -> list[Ended]:
    """An hour of trips all over the city, so that ranks rise, fall and are forgotten."""
    chance = random.Random(seed)
    times = sorted(chance.randrange(0, 60 * MINUTE, SECOND) for _ in range(trips))
    ends = []
    for number, time in enumerate(times):
        # Some places are busier than others.
        start, end = ((int(40 * chance.random() ** 2), chance.randrange(3)) for _ in range(2))
        first, last = ((1 + 3 * x + y, 40.6 + y * 0.01, -74.0 + x * 0.005) for x, y in (start, end))
        ends.append(trip(time, f"t{number}", first, last, f"v{chance.randrange(40)}", chance.randrange(4, 60) * 50))
    return ends


def crowded(seed: int) -> list[Ended]:
    """Two hours of trips between few places, so that many ranks are nearly equal."""
    chance = random.Random(seed)
    zones = [(zone, 40.6 + zone * 0.01, -73.9) for zone in range(1, 17)]
    times = sorted(chance.randrange(0, 120 * MINUTE, SECOND) for _ in range(1_500))
    ends = []
    for number, time in enumerate(times):
        first, last = chance.choice(zones), chance.choice(zones[:4])
        amounts = chance.choice((None, *range(5_00, 15_00, 50))), chance.choice((0, 100))
        ends.append(trip(time, f"t{number}", first, last, chance.choice(("a", "b", "c", "d", "e", None)), *amounts))
    return ends


def as_said(answers: Iterable[Opportunity]) -> list[Said]:
    """Answers in the oracle's words."""
    said = []
    for answer in answers:
        rows: tuple[tuple[object, ...], ...]
        if isinstance(answer, RoutesRanked):
            kind = "routes"
            rows = tuple((_plain(each.start), _plain(each.end), each.trips) for each in answer.routes)
        else:
            kind = "areas"
            rows = tuple((_plain(each.place), each.empty_taxis, each.median_half_cents) for each in answer.areas)
        said.append(Said(kind, answer.by, answer.time, answer.trip_id, rows))
    return said


def events_told(fold: Opportunities, ends: Iterable[Ended]) -> list[Opportunity]:
    """What follows from the trips alone, told one after the other."""
    return [answer for end in ends for answer in fold.event(end)]


def _plain(place: Place) -> tuple[int, ...]:
    return (place,) if isinstance(place, int) else tuple(place)
