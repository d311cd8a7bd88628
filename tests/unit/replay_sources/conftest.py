"""A way to read trip files as tests write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from hailstream.replay.events import Order, SourceReport, open_source

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Replayed:
    """All that a source gave."""

    events: pl.DataFrame
    report: SourceReport
    bounds: tuple[datetime, datetime] | None
    total: int | None

    @property
    def starts(self) -> pl.DataFrame:
        return self.events.filter(~pl.col("is_end"))

    @property
    def ends(self) -> pl.DataFrame:
        return self.events.filter("is_end")

    @property
    def rejected(self) -> list[dict[str, str]]:
        """The rows of the rejects file, as text."""
        if self.report.rejects_file is None:
            return []
        return pl.read_csv(self.report.rejects_file, infer_schema=False).to_dicts()


Read = Callable[..., Replayed]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Opens files and reads them to their end; checks what holds for every source."""

    def read_all(
        *files: Path | str,
        start: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        order: Order = "event-time",
        now: datetime = NOW,
    ) -> Replayed:
        source = open_source(
            [str(file) for file in files],
            start=start,
            until=until,
            limit=limit,
            order=order,
            work_dir=tmp_path / "work",
            now=lambda: now,
        )
        bounds, total = source.bounds(), source.total_events()
        batches = list(source.batches())
        events = pl.concat(batches) if batches else pl.DataFrame(schema=None)
        report = source.report()
        assert report.balanced
        assert total == events.height
        if batches:
            assert bounds == (events["event_time"].min(), events["event_time"].max())
        return Replayed(events, report, bounds, total)

    return read_all


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines to a file."""

    def write_lines(name: str, *lines: str, end: str = "\n") -> Path:
        path = tmp_path / name
        path.write_bytes("".join(line + end for line in lines).encode())
        return path

    return write_lines


def column(frame: pl.DataFrame, name: str) -> Sequence[object]:
    """A column as a list."""
    return frame[name].to_list()
