"""What every benchmark is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.eventlog import EventLog, Faults, fill
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
    _logs: dict[tuple[Faults, int], EventLog] = field(default_factory=dict)

    def warm_up(self, run: Callable[[], object]) -> None:
        """Run once what is not measured, so that the cluster's code is compiled."""
        if not self._warm:
            self.say("a first run, which only warms the cluster")
            run()
            self._warm = True

    def log(self, faults: Faults = Faults.READABLE, events: int | None = None) -> EventLog:
        """The log of so many events with such faults, made when it is first asked for."""
        size = events or self.events
        if (faults, size) not in self._logs:
            self.say(f"filling topics with {size:,} events, {faults.value}")
            self._logs[faults, size] = fill(self.settings, size, faults)
        return self._logs[faults, size]
