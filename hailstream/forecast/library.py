"""Models of statsforecast on the same trial (the extra ``evaluate``)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hailstream.domain.forecast.forecast import HORIZONS
from hailstream.domain.forecast.week import QUARTERS_A_DAY, QUARTERS_A_WEEK, QUARTERS_AN_HOUR
from hailstream.errors import HailstreamError
from hailstream.forecast.trial import Predictions, Trial

#: What can be asked for. All of them forecast from new data without a new fit; the season is a day but for mstl.
MODELS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "ces": ("statsforecast AutoCES, daily season", lambda m: m.AutoCES(season_length=QUARTERS_A_DAY)),
    "theta": ("statsforecast AutoTheta, daily season", lambda m: m.AutoTheta(season_length=QUARTERS_A_DAY)),
    "ets": ("statsforecast AutoETS, no season", lambda m: m.AutoETS(season_length=1)),
    "mstl": (
        "statsforecast MSTL, daily and weekly season",
        lambda m: m.MSTL([QUARTERS_A_DAY, QUARTERS_A_WEEK], trend_forecaster=m.AutoETS(model="ZNN")),
    ),
}


def chosen(text: str) -> list[str]:
    """The models that a text names, ``ces,theta``; ``none`` names none.

    Raises:
        HailstreamError: one of them is not there.
    """
    names = [name.strip() for name in text.split(",")] if text.strip() != "none" else []
    if unknown := [name for name in names if name not in MODELS]:
        raise HailstreamError(
            f"--models {text}: there is no {', '.join(map(repr, unknown))}",
            hint=f"there are {', '.join(MODELS)}, or none",
            exit_code=2,
        )
    return list(dict.fromkeys(names))


def installed() -> bool:
    """Whether statsforecast is."""
    try:
        import_module("statsforecast")
    except ImportError:
        return False
    return True


def library_model(trial: Trial, name: str, rows: npt.NDArray[Any]) -> Predictions:
    """What a model of statsforecast says for some zones; fitted once on what is before the first origin.

    Negative expectations are taken as 0, which is nearer to any count.

    Args:
        name: one of ``MODELS``.
        rows: zones of the history.
    """
    import pandas as pd

    models, core = import_module("statsforecast.models"), import_module("statsforecast")
    label, make = MODELS[name]
    counts = trial.history.counts[rows]
    length = counts.shape[1]
    series = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(rows)), length),
            "ds": np.tile(np.arange(length), len(rows)),
            "y": counts.ravel().astype(np.float64),
        }
    )
    last = length - QUARTERS_AN_HOUR
    windows = (last - int(trial.origins[0])) // trial.every + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = core.StatsForecast([make(models)], freq=1).cross_validation(
            df=series, h=QUARTERS_AN_HOUR, step_size=trial.every, n_windows=windows, refit=False
        )
    # Windows that begin in a hole are forecast too and fall out here.
    said = said[said["cutoff"].isin(trial.origins - 1)].sort_values(["unique_id", "cutoff", "ds"])
    column = next(column for column in said.columns if column not in ("unique_id", "ds", "cutoff", "y"))
    ahead = np.maximum(said[column].to_numpy(), 0.0).reshape(len(rows), len(trial.origins), QUARTERS_AN_HOUR)
    return Predictions(label, {minutes: ahead[:, :, :steps].sum(axis=2) for minutes, steps in HORIZONS.items()}, rows)
