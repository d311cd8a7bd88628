"""The city at the end of the demo: prices, alerts, risky drivers, where to drive next."""

from __future__ import annotations

import json
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hailstream.clickhouse import reachable
from hailstream.domain.zones import zone_name
from hailstream.settings import Settings

_SHOWN = 5
_PRICES = f"""
    SELECT zone_id, max(multiplier), argMax(window_end_local, (multiplier, window_end)),
           argMax(demand, (multiplier, window_end)), argMax(supply, (multiplier, window_end)), countIf(multiplier > 1)
    FROM zone_surge GROUP BY zone_id HAVING max(multiplier) > 1
    ORDER BY max(multiplier) DESC, countIf(multiplier > 1) DESC, zone_id LIMIT {_SHOWN}"""
_ALERTS = "SELECT rule, any(severity), count() FROM alerts GROUP BY rule ORDER BY count() DESC, rule"
_RISKS = f"""
    SELECT driver_id, level, score, alerts, last_rule FROM driver_risk
    ORDER BY score DESC, driver_id LIMIT {_SHOWN}"""
_LISTS = "SELECT kind, argMax(ranks, time) FROM opportunities WHERE places = 'zone' AND ranks != '[]' GROUP BY kind"


def print_city(settings: Settings, console: Console) -> None:
    """A table for each of these of which there is something to say."""
    with reachable(settings, database=settings.database) as client:
        prices, alerts, risks, lists = (client.query(q).result_rows for q in (_PRICES, _ALERTS, _RISKS, _LISTS))
    ranked = {kind: json.loads(ranks)[:_SHOWN] for kind, ranks in lists}
    _print(
        console,
        "highest surge prices",
        ("zone", "multiplier", "at", "starts in 5 min", "idle taxis", "minutes above 1.0"),
        [(zone_name(zone), f"{most:.1f}", f"{at:%a %H:%M}", *rest) for zone, most, at, *rest in prices],
    )
    _print(console, "alerts", ("rule", "severity", "alerts"), [(*names, f"{count:,}") for *names, count in alerts])
    _print(console, "riskiest drivers", ("driver", "level", "score", "alerts", "last rule"), risks)
    _print(
        console,
        "most frequent routes of the last 30 minutes",
        ("from", "to", "trips"),
        [(zone_name(r["from"]), zone_name(r["to"]), r["trips"]) for r in ranked.get("routes", ())],
    )
    _print(
        console,
        "most profitable zones",
        ("zone", "empty taxis", "median fare and tip", "a taxi"),
        [
            (
                zone_name(a["place"]),
                a["empty_taxis"],
                f"${a['median_half_cents'] / 200:.2f}",
                f"${a['profitability_cents'] / 100:.2f}",
            )
            for a in ranked.get("areas", ())
        ],
    )


def _print(console: Console, title: str, headings: tuple[str, ...], rows: Any) -> None:
    if not rows:
        return
    table = Table(*headings, title=title, title_justify="left", box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*map(str, row))
    console.print(table)
