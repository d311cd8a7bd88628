"""What a replay reads from: batches of events in sending order.

A source is opened with :func:`open_source`, tells its bounds before anything
is sent, gives batches of about 50,000 events, and at the end accounts for
every row it read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import polars as pl
from polars.datatypes import DataTypeClass

Order: TypeAlias = Literal["event-time", "file"]

BATCH_ROWS = 50_000

#: Columns of a batch of events. Amounts are whole US cents, null where the source has none.
#: ``raw``, when set, is sent as the message's value instead of the encoded row.
EVENT_SCHEMA: dict[str, pl.DataType | DataTypeClass] = {
    "is_end": pl.Boolean,
    "trip_id": pl.String,
    "event_time": pl.Datetime("ms", "UTC"),
    "started_at": pl.Datetime("ms", "UTC"),
    "vendor_id": pl.String,
    "driver_id": pl.String,
    "vehicle_id": pl.String,
    "pickup_location_id": pl.Int32,
    "dropoff_location_id": pl.Int32,
    "pickup_latitude": pl.Float64,
    "pickup_longitude": pl.Float64,
    "dropoff_latitude": pl.Float64,
    "dropoff_longitude": pl.Float64,
    "passenger_count": pl.Int32,
    "source": pl.String,
    "trip_distance_miles": pl.Float64,
    "payment_type": pl.Int32,
    "rate_code": pl.Int32,
    "fare_amount": pl.Int64,
    "extra": pl.Int64,
    "mta_tax": pl.Int64,
    "tip_amount": pl.Int64,
    "tolls_amount": pl.Int64,
    "improvement_surcharge": pl.Int64,
    "congestion_surcharge": pl.Int64,
    "total_amount": pl.Int64,
    "raw": pl.Binary,
}

#: The order of sending; the last two break ties, so that a source always sends the same sequence.
SENDING_ORDER = ("event_time", "is_end", "trip_id")


@dataclass(frozen=True)
class SourceReport:
    """The account of a source that was read to its end (or to its limit).

    Attributes:
        rows_read: rows of input looked at.
        rows_accepted: rows that became events (or were outside the asked times).
        rejects: rows that can be no event, by reason.
        rejects_file: where those rows were written; None when there was none.
    """

    rows_read: int
    rows_accepted: int
    rejects: Mapping[str, int] = field(default_factory=dict)
    rejects_file: Path | None = None

    @property
    def balanced(self) -> bool:
        """Whether every row read is either accepted or rejected."""
        return self.rows_read == self.rows_accepted + sum(self.rejects.values())


class EventSource(Protocol):
    """Events in sending order: (event_time, is_end, trip_id), unless file order was asked for."""

    name: str

    def batches(self) -> Iterator[pl.DataFrame]:
        """Frames of ``EVENT_SCHEMA``, about 50,000 rows each; the same sequence on each call."""

    def report(self) -> SourceReport:
        """The account of what was read; valid once :meth:`batches` is exhausted."""

    def bounds(self) -> tuple[datetime, datetime] | None:
        """First and last event time (UTC), known before sending; None when there is no event."""

    def total_events(self) -> int | None:
        """Number of events to come, where it can be known before sending."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def open_source(
    spec: str | Sequence[str],
    *,
    start: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    order: Order = "event-time",
    work_dir: Path,
    now: Callable[[], datetime] = utc_now,
) -> EventSource:
    """Open trip files, or the simulator, as a source of events.

    Args:
        spec: a path or glob, several of them, or ``sim:...``.
        start, until: keep events with ``start <= event_time < until``.
        limit: stop after so many accepted rows of input.
        order: by event time, or as the rows stand in the file.
        work_dir: where spill files and the rejects go; made when absent.
        now: an event later than this is rejected as ``future``.

    Raises:
        HailstreamError: nothing there, not readable, or no layout that is known.
    """
    specs = [spec] if isinstance(spec, str) else list(spec)
    if len(specs) == 1 and specs[0].startswith("sim:"):
        from hailstream.replay.simulator import open_simulation

        source: EventSource = open_simulation(specs[0], start=start, until=until, limit=limit, work_dir=work_dir)
        return source
    from hailstream.replay.sources import open_files

    return open_files(specs, start=start, until=until, limit=limit, order=order, work_dir=work_dir, now=now)
