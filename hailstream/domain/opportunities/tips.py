"""The driver with the most tips of each hour, as the Flink training's exercise on hourly tips asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from hailstream.domain.events import ENDED_RANK, Ended
from hailstream.domain.fold import NEVER, OneByOne
from hailstream.domain.opportunities.answers import BestTips
from hailstream.domain.rules import BOUNDS

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
#: The longest trip that is one: by starts, an hour is complete so long after its end.
LONGEST_MS: Final = round(BOUNDS.duration.high * MINUTE_MS)


class BestDriver(OneByOne[BestTips]):
    """Sums the tips of each driver in a tumbling hour (of UTC) and says who has the most.

    Trips without a known driver or tip add nothing; an hour without any says
    nothing. Of equal sums the lowest driver id is the best. A second copy of a
    trip adds nothing.

    Args:
        hour_of: whose hour counts. "end": of the trip's end, said when that hour is over. "start": of its
            start, as in the training, whose fares carry that time; said when no trip of up to eight hours can
            still end that began in the hour; what ends later, or before it began, is left out.
    """

    ranks = frozenset({ENDED_RANK})

    def __init__(self, hour_of: Literal["end", "start"] = "end") -> None:
        self._by_start = hour_of == "start"
        self._wait = LONGEST_MS if self._by_start else 0
        # Hour (its start, ms) to [cents of each driver, trips that were added].
        self.state: Any = {}

    @property
    def due(self) -> int:
        # The last ms of an hour: what ends at its end is of the next.
        return min(self.state) + HOUR_MS - 1 + self._wait if self.state else NEVER

    def event(self, event: Ended) -> Sequence[BestTips]:
        if event.driver_id is None or event.tip_cents is None:
            return ()
        moment = event.started_at if self._by_start else event.time
        hour = moment - moment % HOUR_MS
        if not moment <= event.time < hour + HOUR_MS + self._wait:
            return ()
        sums, trips = self.state.setdefault(hour, [{}, set()])
        if event.trip_id not in trips:
            trips.add(event.trip_id)
            sums[event.driver_id] = sums.get(event.driver_id, 0) + event.tip_cents
        return ()

    def at(self, moment: int) -> Sequence[BestTips]:
        hour = moment - self._wait + 1 - HOUR_MS
        sums, _ = self.state.pop(hour)
        driver = min(sums, key=lambda driver: (-sums[driver], driver))
        return (BestTips(hour, hour + HOUR_MS, driver, sums[driver]),)
