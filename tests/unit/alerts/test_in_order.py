"""However events come and batches are cut, a fold is told one sequence."""

from __future__ import annotations

import copy
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.domain.alerts.alert import Alert
from hailstream.domain.alerts.drivers import DriverTrips
from hailstream.domain.alerts.outliers import FareOutliers
from hailstream.domain.alerts.refunds import Refunds
from hailstream.domain.alerts.rides import OpenRides
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import Event
from hailstream.domain.fold import Fold, InOrder
from tests.unit.alerts.trips import HOUR, MINUTE, NOON, ended, started, told

LIMITS = Thresholds(open_hours=0.5, outlier_samples=5, velocity_trips=3)
FOLDS = (DriverTrips, OpenRides, Refunds, FareOutliers)
DISORDER = 5 * MINUTE


def city(seed: int) -> list[Event]:
    """Two hours of three drivers who do everything wrong."""
    chance = random.Random(seed)
    events: list[Event] = []
    for number in range(80):
        begin, lasted = chance.randrange(2 * HOUR), chance.randrange(HOUR)
        who = {"driver": chance.choice(("d", "e", None)), "vehicle": chance.choice("vw")}
        zone = chance.choice((41, 132))
        if chance.random() < 0.9:
            events.append(started(begin, f"t{number}", **who, zone_id=zone))  # type: ignore[arg-type]
        if chance.random() < 0.9:
            cents = chance.choice((1500, -1500, 9000))
            end = ended(
                begin + lasted,
                f"t{number}",
                **who,  # type: ignore[arg-type]
                lasted=lasted,
                zone_id=zone,
                fare_cents=abs(cents),
                total_cents=cents,
            )
            events += [end] * chance.choice((1, 1, 2))
    return events


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_answers_do_not_depend_on_arrival_batches_or_restarts(seed: int) -> None:
    chance = random.Random(seed)
    events = city(seed)
    for make in FOLDS:
        expected = told(make(LIMITS), events, until=5 * HOUR)
        arrival = sorted(events, key=lambda event: event.time + chance.randrange(DISORDER))
        fold: Fold[Alert] = make(LIMITS)
        order, found, newest = InOrder(fold), [], 0
        while arrival:
            count = chance.randrange(1, 20)
            batch, arrival = arrival[:count], arrival[count:]
            order.add(batch)
            newest = max(newest, *(event.time for event in batch))
            found += order.advance(newest - DISORDER)
            if chance.random() < 0.3:  # as after a restore
                waiting, restored = list(order.waiting()), make(LIMITS)
                restored.state = copy.deepcopy(fold.state)
                fold, order = restored, InOrder(restored)
                order.add(waiting)
        found += order.advance(NOON + 5 * HOUR)
        assert found == expected, make.__name__
    assert told(DriverTrips(LIMITS), events), "the city does wrong"
