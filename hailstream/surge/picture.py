"""A simulated evening as a picture: demand, supply and multiplier over time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, MinuteLocator
from matplotlib.figure import Figure

from hailstream.domain.clock import NEW_YORK_ZONE, to_wall_clock
from hailstream.domain.surge.policy import Policy
from hailstream.domain.surge.price import Price
from hailstream.domain.zones import zone_name
from hailstream.errors import HailstreamError
from hailstream.pages.page import write_whole
from hailstream.surge.city import NEIGHBOURS, STADIUM
from hailstream.surge.evening import GAME_END_MS, Evening

FORMATS: Final = ("svg", "png")
_DEMAND, _SUPPLY, _WAITING, _PRICE, _NEAR = "tab:red", "tab:blue", "tab:gray", "black", "tab:orange"
_DAY_MS: Final = 86_400_000


def check_target(path: Path) -> None:
    """Whether a picture can be written there, before it is made.

    Raises:
        HailstreamError: another ending than .svg or .png, or no such folder.
    """
    if path.suffix.removeprefix(".").lower() not in FORMATS:
        raise HailstreamError(f"{path}: not a picture", hint="let its name end in .svg or .png", exit_code=2)
    if not path.parent.is_dir():
        raise HailstreamError(f"{path.parent}: there is no such folder", hint="make it first", exit_code=2)


def save_picture(evening: Evening, policy: Policy, path: Path) -> None:
    """Write the picture, whole or not at all; the same evening gives the same SVG.

    Raises:
        HailstreamError: as :func:`check_target`, or it cannot be written.
    """
    check_target(path)
    kind = path.suffix.removeprefix(".").lower()
    written = io.BytesIO()
    about = {"Title": "surge preview", "Description": evening.digest}
    about |= {"Date": None} if kind == "svg" else {}  # type: ignore[dict-item]  # no date, so that nothing changes
    with mpl.rc_context({"svg.hashsalt": "hailstream", "font.family": "DejaVu Sans"}):
        _figure(evening, policy).savefig(written, format=kind, dpi=150, metadata=about)
    write_whole(path, written.getvalue())


def _figure(evening: Evening, policy: Policy) -> Figure:
    figure = Figure(figsize=(9, 6), layout="constrained")
    counts, multiplier = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    figure.suptitle(f"{zone_name(STADIUM)} (zone {STADIUM}), simulated: a game ends at 22:00")
    _counts(counts, evening)
    _multipliers(multiplier, evening, policy)
    for axes, place in ((counts, "upper left"), (multiplier, "center left")):
        axes.axvline(_days(GAME_END_MS), color="tab:green", linestyle=":", label="end of the game")
        axes.grid(alpha=0.3)
        axes.legend(loc=place, fontsize=9)
    return figure


def _counts(axes: Axes, evening: Evening) -> None:
    stadium = evening.of(STADIUM)
    times = [_days(price.window_end) for price in stadium]
    axes.fill_between(
        times, evening.waiting, color=_WAITING, alpha=0.25, linewidth=0, label="riders who wait (nobody counts them)"
    )
    axes.plot(times, [price.demand for price in stadium], color=_DEMAND, label="demand: starts in 5 minutes")
    axes.plot(times, [price.supply for price in stadium], color=_SUPPLY, label="supply: idle taxis")
    axes.set_ylabel("riders, starts, taxis")
    highest = max(*evening.waiting, *(max(price.demand, price.supply) for price in stadium))
    axes.set_ylim(0, 1.4 * highest + 1)  # the legend is above the lines


def _multipliers(axes: Axes, evening: Evening, policy: Policy) -> None:
    for zone_id in NEIGHBOURS:
        label = "neighbouring zones" if zone_id == NEIGHBOURS[0] else None
        _steps(axes, evening.of(zone_id), color=_NEAR, linewidth=1, label=label)
    _steps(axes, evening.of(STADIUM), color=_PRICE, linewidth=2, label="the stadium's zone")
    axes.axhline(policy.cap, color=_PRICE, linestyle="--", linewidth=1, label=f"cap, {policy.cap:.1f}")
    axes.set_ylim(0.9, max(policy.cap, 1.5) + 0.1)
    axes.set_ylabel("multiplier of the fare")
    axes.set_xlabel(f"New York time, {to_wall_clock(datetime.fromtimestamp(GAME_END_MS / 1000, UTC)):%-d %B %Y}")
    axes.set_xlim(*(_days(evening.prices[place].window_end) for place in (0, -1)))
    axes.xaxis.set_major_locator(MinuteLocator(byminute=(0, 30), tz=NEW_YORK_ZONE))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=NEW_YORK_ZONE))  # type: ignore[no-untyped-call]


def _steps(axes: Axes, prices: Sequence[Price], **style: Any) -> None:
    times = [_days(price.window_end) for price in prices]
    axes.plot(times, [price.multiplier_tenths / 10 for price in prices], drawstyle="steps-post", **style)


def _days(moment: int) -> float:
    """A time as matplotlib counts it: days since 1970."""
    return moment / _DAY_MS
