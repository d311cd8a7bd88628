"""The city, live in the terminal: what a reader of Redis sees while events flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hailstream.domain.zones import zone_name

_ROWS = 10
_BAR = 24


@dataclass(frozen=True)
class CityNow:
    """One look at the running pipeline.

    Attributes:
        sent, total: events replayed, and of how many when known.
        rate: events per second sent.
        reached: event time of the replay.
        loaded: end of the newest window in Redis or ClickHouse.
        rejected, late: rows so far.
        zones: (zone, trips in its newest window, average fare, drivers), busiest first.
    """

    sent: int = 0
    total: int | None = None
    rate: float = 0.0
    reached: datetime | None = None
    loaded: datetime | None = None
    rejected: int = 0
    late: int = 0
    zones: list[tuple[int, int, str, str]] = field(default_factory=list)


def draw(now: CityNow) -> RenderableType:
    """The picture of one look."""
    table = Table(box=None, pad_edge=False)
    table.add_column("busiest zones, last 5 minutes", width=34, no_wrap=True)
    table.add_column("trips", justify="right")
    table.add_column("", width=_BAR)
    table.add_column("avg fare", justify="right")
    table.add_column("drivers", justify="right")
    most = max((trips for _, trips, _, _ in now.zones), default=1) or 1
    for zone, trips, fare, drivers in now.zones[:_ROWS]:
        bar = "█" * round(_BAR * trips / most)
        table.add_row(zone_name(zone), str(trips), Text(bar, style="cyan"), f"${fare}" if fare else "–", drivers or "–")
    for _ in range(_ROWS - len(now.zones[:_ROWS])):
        table.add_row("", "", "", "", "")
    return Panel(Group(_headline(now), "", table), title="hailstream", border_style="blue", width=100)


def _headline(now: CityNow) -> Text:
    share = f" of {now.total:,}" if now.total else ""
    clock = f"{now.reached:%Y-%m-%d %H:%M:%S} UTC" if now.reached else "–"
    behind = ""
    if now.reached and now.loaded:
        minutes = max(0.0, (now.reached - now.loaded).total_seconds() / 60)
        behind = f"   newest window {minutes:.0f} min of event time behind"
    text = Text()
    text.append(f"{now.sent:,}{share} events   {now.rate:,.0f}/s   event time {clock}{behind}\n")
    text.append(f"rejected {now.rejected:,}", style="red" if now.rejected else "dim")
    text.append("   ")
    text.append(f"late {now.late:,}", style="yellow" if now.late else "dim")
    return text
