"""From a smoothed ratio of demand to supply to the multiplier, and why it is what it is.

Every function here never falls when the level or the present multiplier rises, in
floating point too: more demand never means a lower price, neither now nor later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hailstream.domain.surge.policy import Policy

#: The lowest multiplier, 1.0.
FLOOR: Final = 10
#: Levels are kept to so many digits, so that the last bit of a power does not decide on a price.
LEVEL_DIGITS: Final = 9
_TARGET_DIGITS: Final = 6


class Reason(StrEnum):
    """Why a multiplier is what it is; the first that holds."""

    OFF = "off"  # the policy turns surge off, or the zone is no place
    WARMING_UP = "warming_up"  # too little was seen yet to know the idle taxis: the target is 1.0
    CAPPED = "capped"  # demand asks for more than the cap
    FEW_SAMPLES = "few_samples"  # some starts, but fewer than the policy's least: the target is 1.0
    DEMAND = "demand"  # it rose to what demand asks for
    DECAY = "decay"  # it fell to what demand asks for, or towards 1.0 where nobody starts any more
    CALM = "calm"  # it is 1.0, and demand asks for no more
    HELD = "held"  # its target is another one, but within the hysteresis


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a zone at the end of a minute.

    Attributes:
        zone_id: 1-265.
        window_end: end of the minute, ms since 1970.
        demand: starts of the last five minutes.
        supply: idle taxis, or where no driver is known ends of the last fifteen minutes.
        ratio: demand over supply (one at least), smoothed, rounded to 6 digits.
        multiplier_tenths: 10 is 1.0.
        previous_tenths: of the minute before; 10 if the zone had no price then.
        reason: why.
        policy: scope and revision of the policy.
    """

    zone_id: int
    window_end: int
    demand: int
    supply: int
    ratio: float
    multiplier_tenths: int
    previous_tenths: int
    reason: Reason
    policy: str


def next_level(level: float, ratio: float, policy: Policy) -> float:
    """The smoothed ratio after one more minute: an exponentially weighted mean."""
    keep: float = 0.5 ** (1 / policy.half_life_minutes)
    return round(keep * level + (1 - keep) * ratio, LEVEL_DIGITS)


def target_tenths(level: float, demand: int, policy: Policy, *, warm: bool = True) -> float:
    """What the multiplier should be, in tenths; not capped. 1.0 unless the supply is known (``warm``)."""
    if not warm or demand < policy.min_samples or level <= policy.threshold:
        return float(FLOOR)
    return round(FLOOR + 10 * policy.sensitivity * (level - policy.threshold), _TARGET_DIGITS)


def next_tenths(present: int, target: float, policy: Policy) -> int:
    """The multiplier of the next minute, in tenths.

    It moves only when the target is further away than the hysteresis, as far as it
    must to be within it again, by no more than the most that is allowed in a minute.
    """
    if not policy.enabled:
        return FLOOR
    margin = round(10 * policy.hysteresis, _TARGET_DIGITS)
    # The hysteresis is half a step at least, so there is a step between these two.
    lowest = math.ceil(round(target - margin, _TARGET_DIGITS))
    highest = math.floor(round(target + margin, _TARGET_DIGITS)) if target > FLOOR else FLOOR
    wanted = min(max(present, lowest, FLOOR), max(highest, FLOOR))
    most = round(10 * policy.max_change)
    return min(max(wanted, present - most), present + most, round(10 * policy.cap))


def reason_of(previous: int, tenths: int, target: float, demand: int, policy: Policy, *, warm: bool = True) -> Reason:
    """Why the multiplier went from ``previous`` to ``tenths``."""
    cap = round(10 * policy.cap)
    if not policy.enabled:
        return Reason.OFF
    if not warm:
        return Reason.WARMING_UP
    if tenths == cap and target > cap:
        return Reason.CAPPED
    if 0 < demand < policy.min_samples:
        return Reason.FEW_SAMPLES
    if tenths != previous:
        return Reason.DEMAND if tenths > previous else Reason.DECAY
    return Reason.CALM if target <= FLOOR else Reason.HELD
