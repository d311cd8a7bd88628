"""What differs, drawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final, Literal

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator

from hailstream.domain.zones import zone_name
from hailstream.pages.figures import COLOURS, inline_svg, new_figure
from hailstream.reconcile.drift import REASONS
from hailstream.reconcile.result import DIFFERING, TableResult

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
#: Longer ranges are drawn by day.
_MOST_HOURS: Final = 96
_MOST_ZONES: Final = 12


def drift_over_time(result: TableResult) -> Markup:
    """Differing rows by hour (or day) and reason, and below them what the difference adds up to."""
    step = _step(result)
    rows: dict[str, Counter[int]] = defaultdict(Counter)
    delta: Counter[int] = Counter()
    for group in result.groups:
        if group.hour is not None and group.kind in DIFFERING:
            bucket = group.hour - group.hour % step
            rows[group.reason][bucket] += group.rows
            delta[bucket] += group.deltas[result.table.headline]  # type: ignore[assignment]
    figure = new_figure(4.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _stacked(upper, rows, step)
    upper.set_ylabel(f"rows a{'n hour' if step == _HOUR_MS else ' day'}")
    headline = next(column for column in result.table.measures if column.name == result.table.headline)
    times = sorted(delta)
    total, cumulated = 0.0, []
    for time in times:
        total += delta[time] / 10**headline.scale
        cumulated.append(total)
    ends = [_days(time + step) for time in times]
    begin = _days(times[0]) if times else 0.0
    lower.step([begin, *ends], [0.0, *cumulated], where="post", color=COLOURS[-1])
    lower.fill_between([begin, *ends], [0.0, *cumulated], step="post", color=COLOURS[-1], alpha=0.12, linewidth=0)
    lower.set_ylabel(f"{headline.name}{', $' if headline.scale == 2 else ''}\nmissing, cumulated")
    lower.grid(axis="y", alpha=0.3)
    locator = AutoDateLocator(tz=UTC, minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    lower.xaxis.set_major_locator(locator)
    lower.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    lower.set_xlabel("UTC")
    name = result.table.name.replace("_", "")
    return inline_svg(figure, f"{name}time", f"{result.table.name}: differing rows over time, by reason")


def drift_by_zone(result: TableResult) -> Markup:
    """The zones with most differing rows, by reason."""
    rows: dict[str, Counter[int]] = defaultdict(Counter)
    for group in result.groups:
        if group.zone is not None and group.kind in DIFFERING:
            rows[group.reason][group.zone] += group.rows
    totals: Counter[int] = Counter()
    for counted in rows.values():
        totals.update(counted)
    zones = [zone for zone, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:_MOST_ZONES]]
    figure = new_figure(0.9 + 0.3 * len(zones))
    axes = figure.subplots()
    left = [0] * len(zones)
    for reason, colour in _coloured(rows):
        widths = [rows[reason][zone] for zone in zones]
        axes.barh(range(len(zones)), widths, left=left, color=colour, label=reason)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_yticks(range(len(zones)), [f"{zone_name(zone)} ({zone})" for zone in zones])
    axes.invert_yaxis()
    axes.set_xlabel("differing rows")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.grid(axis="x", alpha=0.3)
    _legend(axes, rows, place="lower right")
    name = result.table.name.replace("_", "")
    return inline_svg(figure, f"{name}zones", f"{result.table.name}: the zones with most differing rows")


def _stacked(axes: Axes, rows: Mapping[str, Counter[int]], step: int) -> None:
    times = sorted({time for counted in rows.values() for time in counted})
    below = [0] * len(times)
    for reason, colour in _coloured(rows):
        heights = [rows[reason][time] for time in times]
        axes.bar(
            [_days(time) for time in times],
            heights,
            width=0.92 * _days(step),
            bottom=below,
            align="edge",
            color=colour,
            label=reason,
        )
        below = [a + b for a, b in zip(below, heights, strict=True)]
    axes.set_ylim(0, 1.25 * max(below, default=1) + 1)  # the legend is above the bars
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.grid(axis="y", alpha=0.3)
    _legend(axes, rows, place="upper left")


def _legend(axes: Axes, rows: Mapping[str, Counter[int]], place: Literal["upper left", "lower right"]) -> None:
    if rows:
        axes.legend(loc=place, ncols=len(rows), frameon=False, fontsize=10)


def _coloured(reasons: Mapping[str, object]) -> Sequence[tuple[str, str]]:
    """A reason has the same colour in every figure."""
    return [(reason, COLOURS[number]) for number, reason in enumerate(REASONS) if reason in reasons]


def _step(result: TableResult) -> int:
    hours = (result.end - result.begin).total_seconds() / 3600
    return _HOUR_MS if hours <= _MOST_HOURS else _DAY_MS


def _days(ms: int) -> float:
    """A time as matplotlib counts it: days since 1970."""
    return ms / _DAY_MS
