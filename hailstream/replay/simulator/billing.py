"""What each trip costs: the rate card of its day, tolls, tips and ways of paying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.fares import JFK, NEWARK, STANDARD, extra_charge, metered_fares, rate_card, unit_range
from hailstream.replay.simulator.cases import Case
from hailstream.replay.simulator.city import City
from hailstream.replay.simulator.false_fares import AGREED, off_card, standing_out
from hailstream.replay.simulator.ids import draws
from hailstream.replay.simulator.rhythm import Hours
from hailstream.replay.simulator.trips import Trips

Cents: TypeAlias = npt.NDArray[np.int64]

_SLOW, _PAY, _TIP, _TOLL, _FRAUD = 201, 202, 203, 204, 205  # salts
_TOLL_CENTS = 694  # MTA tunnels with E-ZPass in 2024; the one toll of this city
_TIPS = np.array([0, 10, 15, 18, 20, 20, 20, 22, 25, 30])  # per cent, by card only; cash tips are not recorded
_CARD_SHARE, _CASH_SHARE, _NO_CHARGE_SHARE = 0.70, 0.285, 0.008  # the rest is disputed


@dataclass(frozen=True)
class Bill:
    """Columns of ended trips; amounts in cents. Sizes are those of the trips' faults, in the units of their rules."""

    payment_type: npt.NDArray[np.int32]
    rate_code: npt.NDArray[np.int32]
    amounts: dict[str, Cents]
    size: npt.NDArray[np.float64]


class Biller:
    """Bills trips that begin in ``hours``. The same trip always costs the same."""

    def __init__(self, city: City, hours: Hours, key: int) -> None:
        self._city, self._hours, self._key = city, hours, key
        cards = [rate_card(local.date()) for local in hours.dates]
        names = ("initial", "unit", "jfk_flat", "newark", "laguardia", "mta_tax", "improvement", "congestion")
        self._cards = {name: np.array([getattr(card, name) for card in cards], np.int64) for name in names}
        times = list(zip(cards, hours.dates, strict=True))
        self._extra = np.array([extra_charge(card, local, STANDARD) for card, local in times], np.int64)
        self._jfk_extra = np.array([extra_charge(card, local, JFK) for card, local in times], np.int64)

    def bill(self, trips: Trips) -> Bill:
        """The bill of each trip; of a refund, the one it mirrors with its sign turned."""
        refund = trips["case"] == Case.REFUND
        serials = np.where(refund, trips["partner"], trips["serial"])
        hour = self._hours.index(trips["start"])
        way = (trips["origin"], trips["target"])
        card = {name: amounts[hour] for name, amounts in self._cards.items()}
        code = self._city.rate_codes[way].copy()
        jfk, newark = code == JFK, code == NEWARK

        low, high = unit_range(trips["miles_100"] / 100, (trips["end"] - trips["start"]) / 1000)
        units = low + (0.05 + 0.4 * draws(serials, self._key + _SLOW)) * (high - low)
        fare = metered_fares(card["initial"], card["unit"], units)
        fare = np.where(jfk, card["jfk_flat"], fare + newark * card["newark"])
        size = trips["size"].copy()
        rows = np.flatnonzero(trips["case"] == Case.FARE)
        if rows.size:
            top = metered_fares(card["initial"], card["unit"], high + 1) + newark * card["newark"]
            fare[rows], size[rows] = off_card(
                fare[rows], top[rows], card["unit"][rows], jfk[rows], draws(serials[rows], self._key + _FRAUD)
            )
        rows = np.flatnonzero(trips["case"] == Case.OUTLIER)
        if rows.size:
            usual = card["initial"][rows] + card["unit"][rows] * (low[rows] + high[rows]) / 2
            fare[rows], size[rows] = standing_out(usual, size[rows])
            code[rows] = AGREED
        extra = np.where(jfk, self._jfk_extra[hour], self._extra[hour] + self._city.laguardia[way] * card["laguardia"])
        amounts = {
            "fare_amount": fare,
            "extra": extra,
            "mta_tax": np.where(newark, 0, card["mta_tax"]),  # the tax is New York's
            "improvement_surcharge": card["improvement"],
            "congestion_surcharge": np.where(self._city.congested[way], card["congestion"], 0),
            "tolls_amount": np.where(
                self._city.tolled[way] & (draws(serials, self._key + _TOLL) < 0.25), _TOLL_CENTS, 0
            ),
        }
        before_tip = np.sum(list(amounts.values()), axis=0)
        payment = _payment(draws(serials, self._key + _PAY))
        share = _TIPS[(draws(serials, self._key + _TIP) * len(_TIPS)).astype(np.int64)]
        amounts["tip_amount"] = np.where(payment == 1, (before_tip * share + 50) // 100, 0)
        amounts["total_amount"] = before_tip + amounts["tip_amount"]
        sign = np.where(refund, -1, 1)
        return Bill(payment, code, {name: sign * amount for name, amount in amounts.items()}, size)


def _payment(chance: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    steps = np.cumsum((_CARD_SHARE, _CASH_SHARE, _NO_CHARGE_SHARE))
    return (np.searchsorted(steps, chance, "right") + 1).astype(np.int32)
