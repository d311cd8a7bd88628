"""The account of a replay: what was read, what became of it, and whether it adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailstream.replay.events import SourceReport

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class ReplayReport:
    """The account of a replay; of one that was interrupted and resumed, of all its parts.

    Attributes:
        namespace: where it went.
        source: the source's own account; None when the replay was interrupted.
        events: events of the source dealt with.
        sent: events acknowledged by Kafka, by topic name.
        refused: events that were not sent, by reason.
        refused_file: where those are written; None when there is none.
        found: events that a killed part of this replay had sent already; part of ``sent``.
        heartbeats: heartbeats acknowledged.
        missing: records that were acknowledged in this part and are not in the log.
        repeated: records that are in the log and were not sent: a broker that crashed took them twice.
        reached: event time reached; None when nothing was sent.
        seconds: how long it took, all parts together.
        seconds_here, sent_here: of this part alone.
        interrupted: whether it was stopped before the source's end.
    """

    namespace: str
    source: SourceReport | None
    events: int
    sent: Mapping[str, int]
    refused: Mapping[str, int] = field(default_factory=dict)
    refused_file: Path | None = None
    found: int = 0
    heartbeats: int = 0
    missing: int = 0
    repeated: int = 0
    reached: datetime | None = None
    seconds: float = 0.0
    seconds_here: float = 0.0
    sent_here: int = 0
    interrupted: bool = False

    @property
    def events_per_second(self) -> float:
        """Of this part."""
        return self.sent_here / self.seconds_here if self.seconds_here else 0.0

    def imbalances(self) -> list[str]:
        """What does not add up; empty when everything does."""
        found = []
        if self.source is not None and not self.source.balanced:
            s = self.source
            found.append(
                f"rows read {s.rows_read:,} ≠ accepted {s.rows_accepted:,} + rejected {sum(s.rejects.values()):,}"
            )
        sent, refused = sum(self.sent.values()), sum(self.refused.values())
        if self.events != sent + refused:
            found.append(f"events {self.events:,} ≠ sent {sent:,} + refused {refused:,}")
        if self.missing:
            found.append(f"{self.missing:,} acknowledged records are not in the log")
        return found

    @property
    def balanced(self) -> bool:
        """Whether every row and every event is accounted for."""
        return not self.imbalances()

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        data: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        data |= {"sent": dict(self.sent), "refused": dict(self.refused)}
        data["refused_file"] = self.refused_file and str(self.refused_file)
        data["reached"] = self.reached and self.reached.isoformat()
        if self.source is not None:  # a simulation's report has more than this
            data["source"] = {
                "rows_read": self.source.rows_read,
                "rows_accepted": self.source.rows_accepted,
                "rejects": dict(self.source.rejects),
                "rejects_file": self.source.rejects_file and str(self.source.rejects_file),
            }
        derived = {"events_per_second": round(self.events_per_second), "balanced": self.balanced}
        return data | derived | {"imbalances": self.imbalances()}

    def table(self) -> Table:
        """The report for a person."""
        from rich.table import Table

        table = Table("account of the replay", "", title=None, show_header=True)
        table.columns[1].justify = "right"
        if self.source is not None:
            table.add_row("rows read", f"{self.source.rows_read:,}")
            table.add_row("  accepted", f"{self.source.rows_accepted:,}")
            for reason, count in sorted(self.source.rejects.items()):
                table.add_row(f"  rejected: {reason}", f"{count:,}")
            if self.source.rejects_file is not None:
                table.add_row("  rejected rows are in", str(self.source.rejects_file))
        table.add_section()
        table.add_row("events", f"{self.events:,}")
        for topic, count in self.sent.items():
            table.add_row(f"  sent to {topic}", f"{count:,}")
        if self.found:
            table.add_row("  of these found in the log on resuming", f"{self.found:,}")
        for reason, count in sorted(self.refused.items()):
            table.add_row(f"  not sent: {reason}", f"{count:,}")
        if self.refused_file is not None:
            table.add_row("  events not sent are in", str(self.refused_file))
        table.add_row("heartbeats", f"{self.heartbeats:,}")
        if self.repeated:
            table.add_row("stored twice by a broker that crashed", f"{self.repeated:,}")
        table.add_section()
        table.add_row("event time reached", f"{self.reached:%Y-%m-%d %H:%M:%S} UTC" if self.reached else "-")
        table.add_row("seconds", f"{self.seconds:,.1f}")
        table.add_row("events per second", f"{self.events_per_second:,.0f}")
        for problem in self.imbalances():
            table.add_row("[bold red]does not add up[/]", problem)
        return table
