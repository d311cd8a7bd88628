"""When a replay sends heartbeats: records without key and value that move the watermark.

A heartbeat goes to every partition of every event topic, so that none is idle,
and says: event time has reached this. It is due before the first event that
reaches a new multiple of the interval, with that multiple as its timestamp.
So where heartbeats stand among the events, and the watermark each event
meets, follow from the events alone and are the same at any speed. A paced
replay sends further ones while no event is due; they promise no more than the
one before the next event does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Millis = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Beat:
    """A heartbeat that is due before event ``before`` of a batch, stamped ``time`` (ms)."""

    before: int
    time: int


class HeartbeatPlan:
    """The heartbeats of one replay, batch by batch.

    Args:
        every: interval of event time in ms.
        reached: newest event time (ms) before the first batch; None at the start of a source.
    """

    def __init__(self, every: int, reached: int | None = None) -> None:
        self._every = every
        self.reached = reached

    def advance(self, times: Millis) -> tuple[Millis, list[Beat]]:
        """Event time reached with each event of the next batch, and the batch's heartbeats.

        Before the first event of a source there is none: nothing is reached yet.
        """
        if not times.size:
            return times, []
        reached = np.maximum.accumulate(times)
        before = reached[0] if self.reached is None else self.reached
        reached = np.maximum(reached, before)
        ticks = reached // self._every
        previous = np.concatenate(([before // self._every], ticks[:-1]))
        self.reached = int(reached[-1])
        crossing = np.flatnonzero(ticks > previous)
        return reached, [Beat(int(at), int(ticks[at]) * self._every) for at in crossing]

    def idle(self, last: int | None, now: int) -> int | None:
        """The timestamp of a heartbeat that is due while no event is, None when none is.

        Args:
            last: timestamp of the newest heartbeat or event time reached, in ms.
            now: event time that the pacing has come to, in ms; no event before it is outstanding.
        """
        tick = now // self._every * self._every
        return tick if last is not None and tick > last else None


def final_time(last_event: int, tail: int, limit: int) -> int:
    """The timestamp of the heartbeats that close the last windows, in ms.

    ``tail`` after the last event, but never later than ``limit`` (a minute
    from now): the broker refuses more, and live data that follows would be
    late. Windows that end after ``limit`` are closed by what comes next.
    """
    return max(last_event, min(last_event + tail, limit))
