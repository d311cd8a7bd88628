"""What may be asked of a replay, and what it tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

TAIL_SECONDS = 15 * 60.0
LONGEST_WINDOW_SECONDS = 10 * 60.0  # from an event to the end of the last window it is in


@dataclass(frozen=True)
class ReplayOptions:
    """How to replay.

    Attributes:
        speed: event seconds per second; None is as fast as possible.
        heartbeat_every: seconds of event time.
        final_heartbeat: whether to close the last windows at the end.
        tail: seconds from the last event to the final heartbeats.
        allow_late: send into topics that are further than the source's first event.
        resume: go on with the interrupted replay of this namespace.
        source: what identifies the source besides its events (specs, options, fingerprint).
    """

    speed: float | None = None
    heartbeat_every: float = 60.0
    final_heartbeat: bool = True
    tail: float = TAIL_SECONDS
    allow_late: bool = False
    resume: bool = False
    source: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class ReplayProgress:
    """How far a replay is: events dealt with, of how many where known, event time, events/s."""

    events: int
    total: int | None
    reached: datetime | None
    events_per_second: float
