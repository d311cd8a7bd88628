"""Topics filled once with simulated events, for jobs to read as fast as they can."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from hailstream.replay.events import open_source
from hailstream.replay.options import TAIL_SECONDS
from hailstream.replay.run import run_replay
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, Topic

# A minute of event time holds so many, whatever the size of the log.
EVENTS_PER_MINUTE = 50_000
DENSITY = EVENTS_PER_MINUTE / 60  # a second


class Faults(Enum):
    """What is wrong with the events of a log. The rest is as in a log without."""

    READABLE = "1 % late, 1 % sent twice, all readable"
    ONE_PERCENT_BAD = "1 % late, 1 % sent twice, 1 % unreadable"
    ALL_BAD = "all unreadable"

    @property
    def spec(self) -> str:
        """The simulator's ``faults=``."""
        return {
            Faults.READABLE: "late:0.01,duplicate:0.01",
            Faults.ONE_PERCENT_BAD: "late:0.01,duplicate:0.01,corrupt:0.01",
            Faults.ALL_BAD: "corrupt:1",
        }[self]


@dataclass(frozen=True)
class EventLog:
    """Filled event topics.

    Attributes:
        settings: with the log's namespace, and a horizon after its last heartbeat.
        records: in each event topic when it was filled, heartbeats included.
        last: time of the last heartbeats, ms; there is nothing newer.
        events_per_second: how fast simulating and sending was.
    """

    settings: Settings
    records: dict[Topic, int]
    last: int
    events_per_second: float

    @property
    def total(self) -> int:
        return sum(self.records.values())


def simulation(events: int, faults: str, *, seed: int = 1, density: float = DENSITY) -> str:
    """The simulator's text for about so many events, all with zone ids, so that every engine can read the zone."""
    minutes = max(events / density / 60, 0.05)
    return f"sim:seed={seed}&rate={density:.3f}&minutes={minutes:.3f}&coordinates=0&faults={faults}"


def fill(
    settings: Settings, events: int, faults: Faults, *, density: float = DENSITY, name: str | None = None
) -> EventLog:
    """Make the log in a namespace of its own.

    Args:
        density: events per second of event time.
        name: part of the namespace; by default what is wrong with the events.

    Raises:
        HailstreamError: the broker or registry refuses.
    """
    namespace = f"bench_{name or faults.name.lower()}_{events}"
    source = open_source(simulation(events, faults.spec, density=density), work_dir=settings.home_dir / "sim")
    bounds = source.bounds()
    assert bounds is not None
    last = bounds[1] + timedelta(seconds=TAIL_SECONDS)
    horizon = last + timedelta(seconds=1)
    own = settings.model_copy(update={"namespace": namespace, "horizon": horizon.isoformat()})
    report = run_replay(own, source)
    beats = report.heartbeats // len(EVENT_TOPICS)
    records = {topic: report.sent.get(topic.name(namespace), 0) + beats for topic in EVENT_TOPICS}
    return EventLog(own, records, int(last.timestamp() * 1000), report.events_per_second)
