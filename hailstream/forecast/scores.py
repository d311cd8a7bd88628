"""How good forecasts were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hailstream.domain.forecast.forecast import HORIZONS
from hailstream.forecast.contenders import OURS, SEASONAL_NAIVE
from hailstream.forecast.trial import Predictions, Trial

#: With fewer starts expected, whole numbers are too coarse for an interval to hold just what it is meant to.
LARGE: Final = 5.0


@dataclass(frozen=True)
class Coverage:
    """How often an interval held what came, and what lay below and above it; shares of ``windows``."""

    windows: int
    held: float
    below: float
    above: float


@dataclass(frozen=True)
class Group:
    """Zones that are judged together.

    Attributes:
        name: for people.
        rows: of the history.
        wape: by model and horizon, sum of absolute errors over sum of starts.
        chance: by horizon the WAPE of ours if its means were the true ones of Poisson counts: the least there can be.
        coverage: of our intervals by horizon: of all windows, and of those with ``LARGE`` or more expected.
    """

    name: str
    rows: npt.NDArray[Any]
    wape: dict[str, dict[int, float]]
    chance: dict[int, float]
    coverage: dict[int, tuple[Coverage | None, Coverage | None]]

    def beaten(self) -> dict[int, bool]:
        """By horizon whether ours has the smaller error than the seasonal naive forecast."""
        return {minutes: self.wape[OURS][minutes] < self.wape[SEASONAL_NAIVE][minutes] for minutes in HORIZONS}


def judge(trial: Trial, name: str, rows: npt.NDArray[Any], models: Sequence[Predictions]) -> Group:
    """The scores of a group of zones; models that did not forecast all of them are left out."""
    actual = {minutes: trial.actual(minutes)[rows] for minutes in HORIZONS}
    scores: dict[str, dict[int, float]] = {}
    chance: dict[int, float] = {}
    coverage: dict[int, tuple[Coverage | None, Coverage | None]] = {}
    for model in models:
        if not np.isin(rows, model.rows).all():
            continue
        places = np.array([int(np.flatnonzero(model.rows == row)[0]) for row in rows])
        expected = {minutes: values[places] for minutes, values in model.expected.items()}
        scores[model.name] = {minutes: wape(expected[minutes], actual[minutes]) for minutes in HORIZONS}
        if model.name == OURS and model.bounds is not None:
            chance = {minutes: chance_wape(expected[minutes]) for minutes in HORIZONS}
            for minutes, (low, high) in model.bounds.items():
                large = expected[minutes] >= LARGE
                inside = (actual[minutes], low[places], high[places])
                coverage[minutes] = _coverage(*inside), _coverage(*(values[large] for values in inside))
    return Group(name, rows, scores, chance, coverage)


def wape(expected: npt.NDArray[Any], actual: npt.NDArray[Any]) -> float:
    """Sum of absolute errors over sum of starts; NaN without starts."""
    starts = actual.sum()
    return float(np.abs(expected - actual).sum() / starts) if starts else float("nan")


def chance_wape(expected: npt.NDArray[Any]) -> float:
    """Mean absolute deviation of Poisson counts from their means, over the sum of the means; NaN if that is 0.

    That of one count is ``2 m^(k+1) e^-m / k!`` with ``k`` the whole part of the mean ``m`` (Crow, 1958).
    """
    means = expected[expected > 0]
    whole = np.floor(means)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, whole.max(initial=0) + 1)))])
    logs = (whole + 1) * np.log(means) - means - factorials[whole.astype(np.intp)]
    return float(2 * np.exp(logs).sum() / means.sum()) if len(means) else float("nan")


def _coverage(actual: npt.NDArray[Any], low: npt.NDArray[Any], high: npt.NDArray[Any]) -> Coverage | None:
    if not actual.size:
        return None
    below, above = float((actual < low).mean()), float((actual > high).mean())
    return Coverage(actual.size, float(((actual >= low) & (actual <= high)).mean()), below, above)
