"""What each fold costs, in this process and without Flink, and how large its memory grows."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench.context import Context
from bench.eventlog import simulation
from bench.figures import Figure
from bench.whole import PER_MINUTE
from hailstream.domain.alerts.drivers import DriverTrips
from hailstream.domain.alerts.outliers import FareOutliers
from hailstream.domain.alerts.refunds import Refunds
from hailstream.domain.alerts.rides import OpenRides
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.domain.events import MinuteEnded, Started
from hailstream.domain.fold import Fold, InOrder, Told
from hailstream.domain.opportunities.paced import PacedOpportunities
from hailstream.domain.opportunities.tips import BestDriver
from hailstream.domain.surge.taxis import ZoneMinutes
from hailstream.evaluate.events import placed, to_events
from hailstream.folds.dumping import dump
from hailstream.replay.events import open_source

_LIMITS: Final = Thresholds()
_FOLDS: Final[dict[str, Callable[[], Fold[Any]]]] = {
    "rides open too long, ends that disagree": lambda: OpenRides(_LIMITS),
    "drivers' trips: four rules": lambda: DriverTrips(_LIMITS),
    "starts, ends and idle taxis of minutes": ZoneMinutes,
    "fare outliers": lambda: FareOutliers(_LIMITS),
    "refunds": lambda: Refunds(_LIMITS),
    "routes and areas": PacedOpportunities,
    "best driver": BestDriver,
}
#: Events between two watermarks, as a job has them that catches up.
_STEP: Final = 10_000
_MINUTE_MS: Final = 60_000
_MEGABYTE: Final = 2**20


def folds(context: Context) -> Iterator[Figure]:
    """Processor time of each fold over the events of ``whole`` in order, and the size of its snapshot behind them."""
    events = _events(context, max(context.events // 3, 1))
    gc.collect()
    gc.freeze()  # the events are not looked through again with each fold's memory
    try:
        for case, make in _FOLDS.items():
            fold = make()
            cost = _seconds(InOrder(fold), events) / len(events) * 1e6
            note = f"snapshot of {len(dump(fold.state)) / _MEGABYTE:.1f} MB after {len(events):,} events"
            yield Figure(case, cost, "µs an event", note=note)
    finally:
        gc.unfreeze()
    yield _open_trips(events)


def _events(context: Context, count: int) -> list[Told]:
    """The city's events in order of time, and the ends of its minutes."""
    spec = simulation(count, "duplicate:0.01", density=PER_MINUTE / 60)
    source = open_source(spec, work_dir=context.settings.home_dir / "sim")
    events: list[Told] = [event for frame in source.batches() for event in to_events(placed(frame))]
    minutes = {event.time // _MINUTE_MS + 1 for event in events}
    events += [MinuteEnded(minute * _MINUTE_MS) for minute in minutes]
    return sorted(events, key=lambda event: event[:2])


def _seconds(order: InOrder[Any], events: list[Told]) -> float:
    begin = time.process_time()
    for at in range(0, len(events), _STEP):
        batch = events[at : at + _STEP]
        order.add(batch)
        order.advance(batch[-1].time)
    return time.process_time() - begin


def _open_trips(events: list[Told]) -> Figure:
    """A city in which trips begin and none ends."""
    fold = OpenRides(_LIMITS)
    starts = [event for event in events if isinstance(event, Started)]
    opened = [start._replace(time=events[0].time, trip_id=f"{start.trip_id}{at}") for at, start in enumerate(starts)]
    fold.tell(opened, events[0].time + 1)
    size = len(dump(fold.state)) / len(opened) * 1e6 / _MEGABYTE
    return Figure("a million open trips", size, "MB", note="of a snapshot, before it is compressed")
