"""A simulated evening under a policy: a stadium empties, prices answer, drivers answer prices.

The trips go the way of real ones: :class:`ZoneMinutes` counts them and
:class:`Surge` gives the prices. The same seed and policies give the same evening.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from hailstream.domain.clock import to_utc
from hailstream.domain.events import MinuteEnded
from hailstream.domain.fold import InOrder
from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.price import Price
from hailstream.domain.surge.surge import Surge
from hailstream.domain.surge.taxis import MINUTE_MS, ClosedMinutes, ZoneMinutes
from hailstream.surge.city import GAME_END, STADIUM, City

MINUTES: Final = 6 * 60
#: The city runs until here before anything is kept: at first no taxi is where a city of some hours would have it.
KEPT_FROM: Final = 150
START: Final = round(to_utc(datetime(2024, 6, 14, 18)).timestamp() * 1000)
GAME_END_MS: Final = START + GAME_END * MINUTE_MS


@dataclass
class Evening:
    """What happened.

    Attributes:
        prices: of all zones and minutes, in order of time and zone.
        waiting: riders without a taxi in the stadium's zone at the end of each minute.
    """

    prices: list[Price] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)

    def of(self, zone_id: int) -> list[Price]:
        """The prices of a zone, in order of time."""
        return [price for price in self.prices if price.zone_id == zone_id]

    @property
    def digest(self) -> str:
        """A number that tells this evening from others."""
        return sha256(repr((self.prices, self.waiting)).encode()).hexdigest()


def simulate(policies: Policies, seed: int = 1) -> Evening:
    """An evening from 20:30 to midnight, in which a game ends at 22:00."""
    city = City(START, seed)
    order: InOrder[ClosedMinutes] = InOrder(ZoneMinutes())
    surge = Surge()
    evening = Evening()
    for minute in range(MINUTES):
        end = START + (minute + 1) * MINUTE_MS
        order.add([*city.events(minute), MinuteEnded(end)])
        [closed] = order.advance(end + 1)
        prices = surge.minute(end, dict(closed.minutes).get(end, {}), policies)
        city.tenths.update({price.zone_id: price.multiplier_tenths for price in prices})
        if minute >= KEPT_FROM:
            evening.prices += prices
            evening.waiting.append(len(city.riders[STADIUM]))
    return evening
