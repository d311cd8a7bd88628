"""What a reconcile found of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hailstream.reconcile.columns import KeyedTable
from hailstream.reconcile.drift import DIFFERENT, EQUAL, EXTRA, MISSING, WAITING, Group

#: Kinds of rows that differ.
DIFFERING = (MISSING, EXTRA, DIFFERENT)


@dataclass(frozen=True)
class TableResult:
    """How a table compared with the archive.

    Attributes:
        begin, end: rows whose time is in (begin, end] were compared.
        held_by: what kept ``end`` from being later: archive, job, loader, or the range that was asked for.
        overlap: in how many rows an event is.
        events: that were read.
        groups: of :func:`hailstream.reconcile.drift.groups`.
        corrected: rows written.
    """

    table: KeyedTable
    begin: datetime
    end: datetime
    held_by: str
    overlap: int
    events: int
    groups: Sequence[Group]
    corrected: int = 0

    @property
    def kinds(self) -> dict[tuple[str, str], Group]:
        """Differing rows by (kind, reason), in order."""
        whole = (group for group in self.groups if group.hour is None and group.zone is None)
        return {(g.kind, g.reason): g for g in sorted(whole, key=lambda g: (g.kind, g.reason)) if g.kind in DIFFERING}

    def counted(self, *kinds: str) -> int:
        """Rows of some kinds."""
        return sum(g.rows for g in self.groups if g.kind in kinds and g.hour is None and g.zone is None)

    @property
    def rows(self) -> int:
        """That there should be."""
        return self.counted(EQUAL, MISSING, DIFFERENT)

    @property
    def differing(self) -> int:
        return self.counted(*DIFFERING)

    @property
    def deltas(self) -> dict[str, int | float]:
        """By measure, the sum over differing rows of what is true minus what was found; amounts as integers."""
        total: Counter[str] = Counter()
        for group in self.kinds.values():
            total.update(group.deltas)
        return dict(total)

    def as_detail(self) -> dict[str, object]:
        """For the record of the run."""
        return {
            "metric": self.table.name,
            "begin": self.begin,
            "end": self.end,
            "held_by": self.held_by,
            "events": self.events,
            "rows": self.rows,
            "equal": self.counted(EQUAL),
            "on_its_way": self.counted(WAITING),
            "differing": self.differing,
            "corrected": self.corrected,
            "kinds": {f"{kind}, {reason}": group.rows for (kind, reason), group in self.kinds.items()},
            "deltas": self.deltas,
        }
