"""What every benchmark is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.eventlog import EVENTS_PER_MINUTE, EventLog, Faults, fill
from bench.sampler import Sampler
from hailstream.settings import Settings


@dataclass
class Context:
    """A running stack, the sampler of its processes, and the event logs made so far.

    Attributes:
        settings: of the stack; benchmarks run in namespaces of their own.
        events: size of the largest event log.
        sampler: of the stack's processes.
        say: told what is going on, a line each.
        kept: folder that outlives the stack, for environments that take long to bring.
    """

    settings: Settings
    events: int
    sampler: Sampler
    say: Callable[[str], None]
    kept: Path
    _warm: bool = False
    _logs: dict[tuple[Faults, int, int], EventLog] = field(default_factory=dict)

    def warm_up(self, run: Callable[[], object]) -> None:
        """Run once what is not measured, so that the cluster's code is compiled."""
        if not self._warm:
            self.say("a first run, which only warms the cluster")
            run()
            self._warm = True

    def log(
        self, faults: Faults = Faults.READABLE, events: int | None = None, per_minute: int = EVENTS_PER_MINUTE
    ) -> EventLog:
        """The log of so many events with such faults, made when it is first asked for."""
        size = events or self.events
        key = faults, size, per_minute
        if key not in self._logs:
            self.say(f"filling topics with {size:,} events, {per_minute:,} a minute, {faults.value}")
            # A namespace may not be long.
            name = None if per_minute == EVENTS_PER_MINUTE else f"every_{per_minute}"
            self._logs[key] = fill(self.settings, size, faults, density=per_minute / 60, name=name)
        return self._logs[key]
