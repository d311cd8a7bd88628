"""Which events are from the future and must not be sent.

The broker refuses a whole batch of records for one that is far in the future,
and one that is a little in the future would close windows too early. So an
event is refused when its time is more than a minute past the clock at the
moment it would be sent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hailstream.replay.pacing import Clock, Pacing

ALLOWANCE = 60_000  # ms past the clock
LONGEST_WAIT = 3_600.0  # seconds a paced replay waits for one event that is not yet past


class FutureRule:
    """Refuses events of the future.

    A paced replay (a simulator that runs with the clock) waits for its next
    event, and by then it is no longer of the future; for one that is more
    than an hour off it does not wait.
    """

    def __init__(self, clock: Clock, pacing: Pacing) -> None:
        self._clock = clock
        self._pacing = pacing

    def limit(self) -> int:
        """The newest event time (ms) that may be sent now."""
        return self._clock.now_ms() + ALLOWANCE

    def refused(
        self, times: npt.NDArray[np.int64], candidates: npt.NDArray[np.bool_], reached: int | None
    ) -> npt.NDArray[np.bool_]:
        """Which of the candidates are refused.

        Args:
            times: event times, ms, in sending order.
            reached: event time reached before them, ms.
        """
        limit = self.limit()
        later = candidates & (times > limit)
        out = np.zeros(len(times), np.bool_)
        if not later.any():
            return out
        waited = 0.0 if reached is None else self._pacing.seconds_until(reached)
        for row in np.flatnonzero(candidates).tolist():
            event_time = int(times[row])
            until = self._pacing.seconds_until(event_time)
            if event_time > limit + until * 1000 or until - waited > LONGEST_WAIT:
                out[row] = True
            else:
                waited = max(waited, until)
        return out
