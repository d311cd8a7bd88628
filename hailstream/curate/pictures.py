"""Figures of the daily report."""

from __future__ import annotations

from typing import Any, Final

import matplotlib.dates as mdates
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from hailstream.pages.figures import COLOURS, new_figure

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_THOUSANDS: Final = FuncFormatter(lambda value, _: f"{value:,.0f}")
#: Days over which the trend is a mean.
_TREND_DAYS: Final = 7


def revenue(days: pl.DataFrame) -> Figure:
    """Revenue of each day, and the mean of seven.

    Args:
        days: ``date`` and ``total`` (dollars), each day once, in order.
    """
    figure = new_figure()
    axes = figure.subplots()
    _open(axes)
    axes.bar(days["date"].to_list(), days["total"].to_list(), color=COLOURS[5], width=0.8, label="day")
    if days.height >= _TREND_DAYS:
        trend = days["total"].rolling_mean(_TREND_DAYS, center=True)
        axes.plot(days["date"].to_list(), trend.to_list(), color=COLOURS[1], linewidth=2, label="mean of 7 days")
        axes.legend(frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.12))
    axes.set_ylabel("dollars")
    axes.yaxis.set_major_formatter(_THOUSANDS)
    _dates(axes)
    return figure


def top_zones(zones: pl.DataFrame) -> Figure:
    """Bars of zones.

    Args:
        zones: ``name`` and ``rows``, most first.
    """
    figure = new_figure(0.33 * max(zones.height, 4) + 0.6)
    axes = figure.subplots()
    _open(axes)
    bars = axes.barh(range(zones.height), zones["rows"].to_list(), color=COLOURS[0])
    axes.bar_label(bars, labels=[f"{value:,}" for value in zones["rows"]], padding=4)
    axes.set_yticks(range(zones.height), zones["name"].to_list())
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(_THOUSANDS)
    axes.margins(x=0.12)
    axes.set_xlabel("trips that began there")
    return figure


def peak_hours(hours: pl.DataFrame) -> Figure:
    """The week as a map of hours.

    Args:
        hours: ``weekday`` (1-7), ``hour_local`` and ``mean``, trips an hour.
    """
    week: np.ndarray[Any, np.dtype[np.float64]] = np.full((7, 24), np.nan)
    for weekday, hour, mean in hours.select("weekday", "hour_local", "mean").iter_rows():
        week[weekday - 1, hour] = mean
    figure = new_figure(3.2)
    axes = figure.subplots()
    drawn = axes.imshow(week, aspect="auto", cmap="cividis", interpolation="nearest")
    axes.set_yticks(range(7), _DAYS)
    axes.set_xticks(range(0, 24, 2), [str(hour) for hour in range(0, 24, 2)])
    axes.set_xlabel("hour of the day")
    axes.spines[:].set_visible(False)
    figure.colorbar(drawn, ax=axes, label="trips an hour", format=_THOUSANDS, pad=0.02)
    return figure


def weather(days: pl.DataFrame) -> Figure:
    """Trips of each day, and below them rain, snow and temperature.

    Args:
        days: ``date``, ``rows``, ``temperature`` (mean, Celsius), ``rain`` and ``snow`` (millimetres), in order.
    """
    figure = new_figure(4.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1))
    _open(above, below)
    dates = days["date"].to_list()
    above.bar(dates, days["rows"].to_list(), color=COLOURS[0], width=0.8)
    above.set_ylabel("trips")
    above.yaxis.set_major_formatter(_THOUSANDS)
    rain, snow = (days[name].fill_null(0).to_numpy() for name in ("rain", "snow"))
    below.bar(dates, rain, color=COLOURS[5], width=0.8, label="rain, mm")
    below.bar(dates, snow, bottom=rain, color=COLOURS[3], width=0.8, label="snow, mm of water")
    below.set_ylim(0, max(1.0, 1.1 * float((rain + snow).max())))
    below.set_ylabel("mm")
    degrees = below.twinx()
    degrees.plot(dates, days["temperature"].to_list(), color=COLOURS[1], linewidth=2, label="mean temperature, °C")
    degrees.set_ylabel("°C")
    degrees.spines["top"].set_visible(False)
    handles = [*below.get_legend_handles_labels()[0], *degrees.get_legend_handles_labels()[0]]
    below.legend(handles=handles, frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1.0), fontsize=9)
    _dates(below)
    return figure


def _open(*every: Axes) -> None:
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)


def _dates(axes: Axes) -> None:
    locator = mdates.AutoDateLocator(maxticks=10)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
