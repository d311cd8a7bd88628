"""What forecasts are judged by: the quarters they are made at, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from hailstream.domain.clock import to_utc, to_wall_clock
from hailstream.domain.forecast.forecast import HORIZONS
from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.learn import LEAST_QUARTERS
from hailstream.domain.forecast.week import QUARTER_MS, QUARTERS_A_DAY, QUARTERS_AN_HOUR
from hailstream.errors import HailstreamError

#: Share of a history that is learned from, unless its end is given.
TRAIN_SHARE: Final = 0.7

Floats: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True)
class Predictions:
    """What a model said.

    Attributes:
        name: of the model.
        expected: by horizon, [row, origin].
        rows: which zones of the history it forecast.
        bounds: by horizon, low and high; None when it gives none.
    """

    name: str
    expected: Mapping[int, Floats]
    rows: npt.NDArray[Any]
    bounds: Mapping[int, tuple[Floats, Floats]] | None = None


@dataclass(frozen=True)
class Trial:
    """A history, cut in time: models learn from what is before, and forecast from each origin on.

    Attributes:
        history: all of it.
        split: how many of its quarters are learned from.
        every: quarters between origins.
    """

    history: History
    split: int
    every: int = 1

    @property
    def train(self) -> History:
        """What may be learned from."""
        return self.history.between(self.history.first, self.history.first + self.split)

    @cached_property
    def origins(self) -> npt.NDArray[Any]:
        """Columns of the history at whose beginning forecasts are made; the hour after each lies in no hole."""
        length = self.history.counts.shape[1]
        origins = np.arange(length - QUARTERS_AN_HOUR, self.split - 1, -self.every)[::-1]
        observed = self.history.observed
        whole: npt.NDArray[Any] = observed[origins[:, None] + np.arange(QUARTERS_AN_HOUR)].all(axis=1)
        chosen: npt.NDArray[Any] = origins[whole]
        return chosen

    def actual(self, minutes: int) -> npt.NDArray[Any]:
        """Starts [zone, origin] in the ``minutes`` after each origin."""
        return self.starts_from(self.origins, HORIZONS[minutes])

    def starts_from(self, columns: npt.NDArray[Any], quarters: int) -> npt.NDArray[Any]:
        """Starts [zone, column] in so many quarters from each column on."""
        sums: npt.NDArray[Any] = self.history.counts[:, columns[:, None] + np.arange(quarters)].sum(axis=2)
        return sums

    def busiest(self, count: int) -> npt.NDArray[Any]:
        """Rows of the zones with most starts in what is learned from, busiest first."""
        return np.argsort(-self.train.counts.sum(axis=1), kind="stable")[:count]

    def moment(self, column: int) -> datetime:
        """When a quarter begins, UTC."""
        return datetime.fromtimestamp((self.history.first + column) * QUARTER_MS / 1000, UTC)


def cut(history: History, train_until: datetime | None, every: int = 1) -> Trial:
    """A trial on a history.

    Args:
        train_until: where testing begins; None: the midnight (New York) after which three tenths remain, or less.
        every: quarters between origins.

    Raises:
        HailstreamError: not a week (holes not counted) before, or not a day after that moment, or no origin there.
    """
    trial = Trial(history, 0, every)
    length = history.counts.shape[1]
    if train_until is None:
        share = to_wall_clock(trial.moment(round(length * TRAIN_SHARE)))
        train_until = to_utc(share.replace(hour=0, minute=0))
    split = -((trial.moment(0) - train_until) // timedelta(milliseconds=QUARTER_MS))
    observed = history.observed
    before, after = int(observed[: max(split, 0)].sum()), int(observed[max(split, 0) :].sum())
    if before < LEAST_QUARTERS or after < QUARTERS_A_DAY:
        first, last = (f"{to_wall_clock(trial.moment(column)):%Y-%m-%d %H:%M}" for column in (0, length))
        raise HailstreamError(
            f"too short a history: starts from {first} to {last} (New York), of which {before / QUARTERS_A_DAY:.1f} "
            f"days are before the split at {to_wall_clock(train_until):%Y-%m-%d %H:%M} and "
            f"{after / QUARTERS_A_DAY:.1f} after it",
            hint="7 days to learn from and one to test on are the least: give more files, or another --train-until",
            exit_code=2,
        )
    trial = Trial(history, split, every)
    if not len(trial.origins):
        raise HailstreamError(
            "no quarter hour after the split has an hour without holes after it",
            hint="give more files, or a smaller --every-quarters",
            exit_code=2,
        )
    return trial
