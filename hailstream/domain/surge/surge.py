"""The prices of zones, minute by minute, out of what happened in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.policy import Policy
from hailstream.domain.surge.price import FLOOR, Price, next_level, next_tenths, reason_of, target_tenths
from hailstream.domain.surge.sums import ZoneSums
from hailstream.domain.surge.taxis import IDLE_MS, MINUTE_MS

DEMAND_MINUTES: Final = 5
ENDS_MINUTES: Final = 15
#: A zone is active until so long after its last start or end.
ACTIVE_MS: Final = 60 * MINUTE_MS
#: After so long every idle taxi became idle before our eyes.
WARM_UP_MS: Final = IDLE_MS

_NOTHING: Final = ZoneSums(0, 0, 0, 0)

# A zone's memory is a list of these.
_LAST, _IDLE, _LEVEL, _TENTHS, _MINUTES = range(5)


class Surge:
    """A price for each active zone at the end of each minute.

    A start or an end makes a zone active. For the first thirty minutes, and again after an
    hour without any event, prices stay at 1.0: taxis that became idle before are not known,
    and few would seem to be there. The number of idle taxis is the sum of its
    changes, and never below 0: who leaves a zone where nobody is known to be idle was
    not counted when he came (his end lies before the log, or before the zone's memory),
    and is not missing now. So a count that is too low mends itself.
    """

    def __init__(self) -> None:
        # Empty, or: since (end of the first minute), end (of the last), and zones: zone to [end of its last minute
        # with a start or an end, idle taxis, level, multiplier in tenths, its last 15 minutes as (starts, ends,
        # ends with a driver)].
        self.state: Any = {}

    def minute(self, end: int, sums: Mapping[int, ZoneSums], policies: Policies) -> list[Price]:
        """Prices of all active zones at the end of a minute, in order of zone.

        Minutes come in order. Nothing happened in those between the last one and this
        one: their prices come first, in order of time.

        Args:
            end: of the minute, ms since 1970.
            sums: by zone; zones where nothing happened may be left out.
            policies: that hold now, for the minutes in between too.

        Raises:
            ValueError: ``end`` is not the end of a minute, or not after the last one.
        """
        if end % MINUTE_MS:
            raise ValueError(f"{end} ms is not the end of a minute")
        prices: list[Price] = []
        if self.state and end <= self.state["end"]:
            raise ValueError(f"the minute that ends at {end} ms comes after that of {self.state['end']} ms")
        while self.state and self.state["end"] + MINUTE_MS < end:
            prices += self._close(self.state["end"] + MINUTE_MS, {}, policies)
        return prices + self._close(end, sums, policies)

    def _close(self, end: int, sums: Mapping[int, ZoneSums], policies: Policies) -> list[Price]:
        state = self.state or {"since": end, "zones": {}}
        zones: dict[int, list[Any]] = state["zones"]
        warm = end - state["since"] >= WARM_UP_MS
        for zone_id, told in sums.items():
            if zone_id not in zones and (told.starts or told.ends):
                zones[zone_id] = [end, 0, 0.0, FLOOR, []]
        prices = []
        for zone_id in sorted(zones):
            memory = zones[zone_id]
            _remember(memory, end, sums.get(zone_id, _NOTHING))
            prices.append(_price(zone_id, memory, end, policies.of(zone_id), warm=warm))
        active = {zone_id: memory for zone_id, memory in zones.items() if memory[_LAST] + ACTIVE_MS > end}
        self.state = {"since": state["since"], "end": end, "zones": active} if active else {}
        return prices


def _remember(memory: list[Any], end: int, told: ZoneSums) -> None:
    if told.starts or told.ends:
        memory[_LAST] = end
    memory[_IDLE] = max(memory[_IDLE] + told.idle, 0)
    memory[_MINUTES] = [*memory[_MINUTES][1 - ENDS_MINUTES :], tuple(told[:3])]


def _price(zone_id: int, memory: list[Any], end: int, policy: Policy, *, warm: bool) -> Price:
    """The price of a zone whose memory knows of the minute; level and multiplier go into the memory."""
    _, supply, level, previous, minutes = memory
    demand = sum(starts for starts, _, _ in minutes[-DEMAND_MINUTES:])
    if not any(driven for _, _, driven in minutes):
        # Nobody who ended here is known. Whoever is known to be idle for longer is there all the same.
        supply = max(sum(ends for _, ends, _ in minutes), supply)
    level = memory[_LEVEL] = next_level(level, demand / max(supply, 1), policy)
    target = target_tenths(level, demand, policy, warm=warm)
    tenths = memory[_TENTHS] = next_tenths(previous, target, policy)
    reason = reason_of(previous, tenths, target, demand, policy, warm=warm)
    return Price(zone_id, end, demand, supply, round(level, 6), tenths, previous, reason, policy.label)
