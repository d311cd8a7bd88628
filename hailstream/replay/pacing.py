"""How fast events go: as fast as can be, or so many event seconds a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True)
class Clock:
    """Where a replay takes its times from; tests give their own.

    Attributes:
        monotonic: seconds, never going back.
        sleep: waits so many seconds.
        now_ms: wall clock, ms since 1970.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now_ms: Callable[[], int] = field(default=lambda: int(datetime.now(UTC).timestamp() * 1000))


class Pacing:
    """Event time against the clock, from the first event on.

    Args:
        speed: event seconds per second; None is as fast as possible.
    """

    def __init__(self, speed: float | None, clock: Clock) -> None:
        self._speed = speed
        self._clock = clock
        self._start: tuple[float, int] | None = None

    def begin(self, event_time: int) -> None:
        """The event time (ms) that is due now; later calls change nothing."""
        if self._start is None:
            self._start = (self._clock.monotonic(), event_time)

    def event_now(self) -> int | None:
        """The event time (ms) that is due now; None when everything is."""
        if self._speed is None or self._start is None:
            return None
        wall, event_time = self._start
        return event_time + int((self._clock.monotonic() - wall) * self._speed * 1000)

    def seconds_until(self, event_time: int) -> float:
        """How long until an event of this time (ms) is due; 0 when it is."""
        now = self.event_now()
        if now is None or self._speed is None:
            return 0.0
        return max(0.0, (event_time - now) / 1000 / self._speed)
