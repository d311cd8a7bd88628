"""The daily report: one page about the newest days that are published, and about the run that was to publish them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from hailstream.clickhouse import reachable
from hailstream.curate import pictures
from hailstream.pages.figures import inline_svg
from hailstream.pages.page import check_page_target, number, render_page, share, write_whole
from hailstream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from matplotlib.figure import Figure

    from hailstream.curate.run import Curated

#: Days that it looks back.
DAYS: Final = 62
_ZONES: Final = 15
#: Fewer trips are a stray date and no day of the report's.
_LEAST_SHARE: Final = 0.01


def report_path(target: Path) -> Path:
    """Where the page goes: a file, or a folder that is there, in which it is named ``trips.html``.

    Raises:
        HailstreamError: neither.
    """
    path = target / "trips.html" if target.is_dir() else target
    check_page_target(path)
    return path


def write_report(path: Path, settings: Settings, done: Curated, run: int) -> None:
    """Make the page of what is published and write it whole.

    Raises:
        HailstreamError: ClickHouse cannot be reached, or the page cannot be written.
    """
    with reachable(settings, database=settings.database) as client:
        values = page_values(client, done)
    write_whole(path, render_page("curate/report.html", values | {"run": run}))


def page_values(client: Client, done: Curated) -> dict[str, Any]:
    """What the template shows."""
    days = (
        _frame(
            client,
            "SELECT month, date, rows, trips, toFloat64(total_sum) AS total, toFloat64(fare_sum) AS fare"
            f" FROM daily_summary ORDER BY date DESC LIMIT {DAYS}",
        ).sort("date")
        if _any(client)
        else pl.DataFrame()
    )
    refused = any(check.hard and not check.passed for check in done.checks)
    values: dict[str, Any] = {
        "refused": refused,
        "layers": _layers(done),
        "failed": [
            ["hard" if check.hard else "soft", check.table, check.name, check.observed, check.expected]
            for check in sorted(done.checks, key=lambda check: not check.hard)
            if not check.passed
        ],
        "rules": [[rule, *map(number, counts)] for rule, counts in done.rule_sums().items() if any(counts[1:])],
    }
    if days.is_empty():
        return values | {"last_day": "now", "span": "Nothing is published", "tiles": [], "figures": [], "lifts": []}
    days = days.filter(pl.col("rows") >= _LEAST_SHARE * pl.col("rows").max())
    first, last = days["date"][0], days["date"][-1]
    passed = sum(check.passed for check in done.checks)
    sums: dict[str, float] = days.select(pl.col("rows", "trips", "total", "fare").sum()).row(0, named=True)
    tiles = [
        (number(sums["rows"]), "trips", ""),
        (f"${sums['total']:,.2f}", "charged, refunds taken off", ""),
        (f"${sums['fare'] / max(sums['trips'], 1):,.2f}", "fare of a trip", ""),
        (f"{passed} of {len(done.checks)}", "checks passed", "bad" if refused else "good"),
    ]
    return values | {
        "last_day": str(last),
        "span": f"{first} to {last}: {days.height} days",
        "tiles": tiles,
        "figures": [
            (title, inline_svg(drawn, f"f{place}", title), caption)
            for place, (title, drawn, caption) in enumerate(_figures(client, days, last))
        ],
        "lifts": _lifts(client, first, last),
    }


def _any(client: Client) -> bool:
    return bool(int(client.command("SELECT count() FROM curated_months")))


def _figures(client: Client, days: pl.DataFrame, last: date) -> Sequence[tuple[str, Figure, str]]:
    within = {"first": days["date"][0], "last": last}
    zones = _frame(
        client,
        "SELECT concat(any(zone), ' (', toString(zone_id), ')') AS name, sum(rows) AS total"
        " FROM daily_zone_aggregations"
        " WHERE date BETWEEN {first:Date} AND {last:Date} GROUP BY zone_id ORDER BY total DESC, zone_id"
        f" LIMIT {_ZONES}",
        within,
    ).rename({"total": "rows"})
    hours = _frame(
        client,
        "SELECT weekday, hour_local, sum(rows) / sum(hours) AS mean FROM hourly_patterns"
        " WHERE month >= toStartOfMonth({first:Date}) AND month <= {last:Date} GROUP BY weekday, hour_local",
        within,
    )
    daily = _frame(
        client,
        "SELECT date, sum(rows) AS total, avg(temperature_c) AS temperature, sumIf(precipitation_mm, NOT snow) AS rain,"
        " sumIf(precipitation_mm, snow) AS snowfall, count(temperature_c) AS known FROM trip_weather"
        " WHERE date BETWEEN {first:Date} AND {last:Date} GROUP BY date ORDER BY date",
        within,
    ).rename({"total": "rows", "snowfall": "snow"})
    peak = hours.sort("mean", descending=True).row(0, named=True)
    named = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")[peak["weekday"] - 1]
    busiest = f"Most begin on {named} from {peak['hour_local']}:00 on: {peak['mean']:,.0f} in the hour."
    figures = [
        ("Revenue", pictures.revenue(days), "What was charged in all, by the day of the pick-up."),
        ("Peak hours", pictures.peak_hours(hours), busiest),
        ("Top zones", pictures.top_zones(zones), "By number of pick-ups; 264 is not known, 265 outside of the city."),
    ]
    if daily["known"].sum():
        caption = "Observations of one airport; hours that it has not are left out."
        figures.append(("Weather", pictures.weather(daily), caption))
    return figures


def _lifts(client: Client, first: date, last: date) -> list[list[str]]:
    rows = client.query(
        "SELECT condition, sum(hours), sum(trips) AS happened, sum(expected_trips) AS expected,"
        " happened / nullIf(expected, 0) - 1, sum(trips * fare_lift) / nullIf(sumIf(trips, fare_lift IS NOT NULL), 0),"
        " sum(trips * tip_lift) / nullIf(sumIf(trips, tip_lift IS NOT NULL), 0) FROM weather_lifts"
        " WHERE month >= toStartOfMonth({first:Date}) AND month <= {last:Date} GROUP BY condition ORDER BY condition",
        {"first": first, "last": last},
    ).result_rows
    return [
        [name, number(hours), number(happened), number(expected), *(_signed(lift) for lift in lifts)]
        for name, hours, happened, expected, *lifts in rows
    ]


def _signed(lift: float | None) -> str:
    return share(None) if lift is None else f"{100 * lift:+.1f} %"


def _layers(done: Curated) -> list[list[str]]:
    rows = []
    for layer in dict.fromkeys(check.layer for check in done.checks):
        checks = [check for check in done.checks if check.layer == layer]
        failed = [check for check in checks if not check.passed]
        hard = sum(check.hard for check in failed)
        counts = (len(checks), len(checks) - len(failed), hard, len(failed) - hard)
        rows.append([layer, *map(number, counts)])
    return rows


def _frame(client: Client, query: str, values: dict[str, Any] | None = None) -> pl.DataFrame:
    found = client.query(query, values)
    return pl.DataFrame(found.result_rows, schema=list(found.column_names), orient="row", infer_schema_length=None)
