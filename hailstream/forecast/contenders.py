"""Ours, and the simple forecasts that it must beat."""

from __future__ import annotations

from typing import Final

import numpy as np

from hailstream.domain.forecast.forecast import HORIZONS, Forecast
from hailstream.domain.forecast.profile import Profile
from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_DAY, QUARTERS_A_WEEK
from hailstream.forecast.trial import Predictions, Trial

OURS: Final = "ours"
SEASONAL_NAIVE: Final = "seasonal naive: the same time last week"
#: Told before the first origin, so that the live state is what it would be.
_WARM_QUARTERS: Final = 3 * QUARTERS_A_DAY


def ours(trial: Trial, profile: Profile, name: str = OURS) -> Predictions:
    """What the live class says when it is told the starts of one quarter after another.

    Where it says nothing, since the zone had no start for a day, it is taken to have said none.
    """
    history, origins = trial.history, trial.origins
    rows = {zone_id: row for row, zone_id in enumerate(history.zones)}
    columns = {trial_column: number for number, trial_column in enumerate(origins.tolist())}
    shape = (len(rows), len(origins))
    expected = {minutes: np.zeros(shape) for minutes in HORIZONS}
    bounds = {minutes: (np.zeros(shape), np.zeros(shape)) for minutes in HORIZONS}
    live = Forecast()
    for column in range(max(0, trial.split - _WARM_QUARTERS), int(origins[-1])):
        counts = history.counts[:, column]
        starts = {history.zones[row]: int(counts[row]) for row in np.flatnonzero(counts)}
        for forecast in live.minute((history.first + column + 1) * QUARTER_MS, starts, profile):
            origin = columns.get(forecast.made_at // QUARTER_MS - history.first)
            if origin is not None:
                minutes, row = forecast.horizon_minutes, rows[forecast.zone_id]
                expected[minutes][row, origin] = forecast.expected
                bounds[minutes][0][row, origin] = forecast.low
                bounds[minutes][1][row, origin] = forecast.high
    return Predictions(name, expected, np.arange(len(rows)), bounds)


def naive(trial: Trial) -> Predictions:
    """The last quarter, or the last hour, comes again."""
    return _shifted(trial, "naive: as just now", None)


def seasonal_naive(trial: Trial) -> Predictions:
    """The same quarter, or hour, of last week comes again."""
    return _shifted(trial, SEASONAL_NAIVE, QUARTERS_A_WEEK)


def _shifted(trial: Trial, name: str, back: int | None) -> Predictions:
    expected = {
        minutes: trial.starts_from(trial.origins - (back or quarters), quarters).astype(np.float64)
        for minutes, quarters in HORIZONS.items()
    }
    return Predictions(name, expected, np.arange(len(trial.history.zones)))
