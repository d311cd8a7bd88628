"""Forecasts of trip starts, made for each active zone at each quarter hour, and how far they were off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.forecast.interval import dispersions, interval
from hailstream.domain.forecast.model import expected_starts
from hailstream.domain.forecast.profile import Profile
from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_DAY, QUARTERS_AN_HOUR

MINUTE_MS: Final = 60_000
#: Minutes ahead, and how many quarters each is, in the order of the forecasts.
HORIZONS: Final = {15: 1, 60: QUARTERS_AN_HOUR}
#: Quarters that are kept: those of all windows that ended within a day.
_KEPT: Final = QUARTERS_A_DAY + QUARTERS_AN_HOUR - 1

Floats: TypeAlias = "npt.NDArray[np.float64]"
Counts: TypeAlias = "npt.NDArray[np.int32]"


@dataclass(frozen=True)
class ZoneForecast:
    """What is to come in a zone.

    Attributes:
        zone_id: 1-265.
        made_at: the quarter's end at which it was made, ms.
        horizon_minutes: 15 or 60.
        window_start, window_end: what it is about, ms; begins at ``made_at``, the end is exclusive.
        expected: mean number of starts.
        low, high: bounds of an interval that holds the number in 80 % of all cases at least, both within it.
        level: recent starts over the usual ones, as used for the quarter to come.
        profile: revision of the zone's profile, or ``none``.
        wape_24h: error of the zone's forecasts with this horizon whose windows ended in the last 24 hours:
            sum of absolute errors over sum of starts; None when there were no starts.
    """

    zone_id: int
    made_at: int
    horizon_minutes: int
    window_start: int
    window_end: int
    expected: float
    low: float
    high: float
    level: float
    profile: str
    wape_24h: float | None


class Forecast:
    """The zones of a shard. Those with a start in the last 24 hours, by whole quarters, have forecasts."""

    def __init__(self) -> None:
        # Empty, or: quarter, the open one; began, the first that was told; open, its starts by zone so far;
        # zones, in order; counts [zone, quarter], up to the last closed quarter; made [horizon, zone, quarter],
        # the expected starts from the beginning of that quarter on, up to the open one, NaN where none was made.
        self.state: Any = {}

    def minute(self, end: int, starts: Mapping[int, int], profile: Profile) -> list[ZoneForecast]:
        """What is to come, of each active zone at each end of a quarter up to ``end``, by time, zone and horizon.

        Minutes come in order, those without starts need not be told. If one that ends a quarter is not,
        the forecasts of that moment come with the next. The quarter of the very first minute is taken as
        told from its beginning.

        Args:
            end: of the minute, ms.
            starts: of that minute, by zone.
            profile: what is usual.

        Raises:
            ValueError: the minute is in a quarter that is closed already.
        """
        quarter = (end - 1) // QUARTER_MS
        if self.state and quarter < self.state["quarter"]:
            raise ValueError(f"the minute up to {end} is told after its quarter was closed")
        forecasts = self._close(quarter, profile)
        if any(starts.values()):
            self._count(quarter, starts)
        return forecasts + self._close(end // QUARTER_MS, profile)

    def _count(self, quarter: int, starts: Mapping[int, int]) -> None:
        if not self.state:
            counts, made = np.zeros((0, _KEPT), np.int32), np.zeros((len(HORIZONS), 0, _KEPT))
            self.state = {"quarter": quarter, "began": quarter, "open": {}, "zones": [], "counts": counts, "made": made}
        now: dict[int, int] = self.state["open"]
        for zone_id, count in starts.items():
            now[zone_id] = now.get(zone_id, 0) + count

    def _close(self, end: int, profile: Profile) -> list[ZoneForecast]:
        """Close the quarters before quarter ``end``."""
        forecasts: list[ZoneForecast] = []
        while self.state and self.state["quarter"] < end:
            zones, counts, made = _with_open(self.state)
            active = counts[:, -QUARTERS_A_DAY:].any(axis=1)
            if not active.any():
                self.state = {}
                break
            zones = [zone_id for zone_id, is_active in zip(zones, active, strict=True) if is_active]
            counts, made = counts[active], made[:, active]
            quarter = self.state["quarter"] + 1
            told = min(QUARTERS_A_DAY, quarter - self.state["began"])
            quarters, level = expected_starts(zones, counts[:, -told:], quarter, profile)
            expected = np.round([quarters[:, :steps].sum(axis=1) for steps in HORIZONS.values()], 3)
            forecasts += _forecasts(zones, counts, made, quarter, expected, level, profile)
            made = np.concatenate([made[:, :, 1:], expected[:, :, None]], axis=2)
            self.state |= {"quarter": quarter, "open": {}, "zones": zones, "counts": counts, "made": made}
        return forecasts


def _with_open(state: Mapping[str, Any]) -> tuple[list[int], Counts, Floats]:
    """Zones, counts and forecasts made, with the starts of the open quarter as the last of the counts."""
    now = state["open"]
    zones = sorted({*state["zones"], *(zone_id for zone_id, count in now.items() if count)})
    known = np.searchsorted(zones, state["zones"])
    counts = np.zeros((len(zones), _KEPT), np.int32)
    counts[known, :-1] = state["counts"][:, 1:]
    counts[:, -1] = [now.get(zone_id, 0) for zone_id in zones]
    made = np.full((len(HORIZONS), len(zones), _KEPT), np.nan)
    made[:, known] = state["made"]
    return zones, counts, made


def _forecasts(
    zones: list[int],
    counts: Counts,
    made: Floats,
    quarter: int,
    expected: Floats,
    level: Floats,
    profile: Profile,
) -> list[ZoneForecast]:
    """Of all zones and horizons, made at the beginning of ``quarter``; ``expected`` is [horizon, zone]."""
    spreads, errors = [], []
    for horizon, steps in enumerate(HORIZONS.values()):
        # Windows that ended within the last day began in these quarters.
        first = _KEPT - QUARTERS_A_DAY - steps + 1
        said = made[horizon, :, first : first + QUARTERS_A_DAY]
        came = np.lib.stride_tricks.sliding_window_view(counts[:, first:], steps, axis=1).sum(axis=2)
        spreads.append(np.round(dispersions(said, came), 3).tolist())
        errors.append(_wape(said, came))
    now = quarter * QUARTER_MS
    forecasts = []
    for row, zone_id in enumerate(zones):
        for horizon, minutes in enumerate(HORIZONS):
            mean = float(expected[horizon, row])
            low, high = interval(mean, spreads[horizon][row])
            forecasts.append(
                ZoneForecast(
                    zone_id=zone_id,
                    made_at=now,
                    horizon_minutes=minutes,
                    window_start=now,
                    window_end=now + minutes * MINUTE_MS,
                    expected=mean,
                    low=low,
                    high=high,
                    level=round(float(level[row]), 3),
                    profile=profile.revision(zone_id),
                    wape_24h=errors[horizon][row],
                )
            )
    return forecasts


def _wape(said: Floats, came: npt.NDArray[Any]) -> list[float | None]:
    """Of each row, three digits; where ``said`` is NaN there was no forecast."""
    made = ~np.isnan(said)
    errors = np.where(made, np.abs(said - came), 0.0).sum(axis=1)
    starts = np.where(made, came, 0).sum(axis=1)
    return [round(float(error / start), 3) if start else None for error, start in zip(errors, starts, strict=True)]
