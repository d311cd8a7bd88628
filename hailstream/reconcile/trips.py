"""Trips as a table that can be computed again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa

from hailstream.reconcile.columns import Column, KeyedTable
from hailstream.reconcile.shares import ByKey
from hailstream.reconcile.spans import Span
from hailstream.reconcile.trip_rows import TRIP_COLUMNS, trips_of
from hailstream.settings import Settings
from hailstream.topics import TRIPS, TRIPS_ENDED

_MILLISECOND: Final = timedelta(milliseconds=1)


def _amount(name: str) -> Column:
    return Column(name, "long", measure=True, scale=2, digits=10)


class TripTable:
    """Trips, by the time of their ends. Late ends are trips like others; of ends with one id the last one counts."""

    #: What divides events and rows into shares.
    events_by, rows_by = "trip_id", "trip_id"
    by_record = True
    #: How long after an event it makes rows.
    lasting = timedelta(0)
    #: In how many rows an event is.
    overlap = 1
    #: The archive's columns that its rows are made of.
    columns = TRIP_COLUMNS
    table = KeyedTable(
        name="trips",
        events=TRIPS_ENDED,
        results=TRIPS,
        key=(Column("trip_id", "text"),),
        values=(
            Column("started_at", "time"),
            Column("ended_at", "time"),
            Column("zone_id", "int"),
            Column("end_zone_id", "int"),
            *(Column(name, "text") for name in ("route", "vendor_id", "driver_id", "vehicle_id")),
            Column("passengers", "int", measure=True),
            Column("miles", "real", measure=True),
            Column("seconds", "real", measure=True),
            Column("mph", "real"),
            Column("payment_type", "int"),
            Column("rate_code", "int"),
            *(_amount(name) for name in ("fare", "tip", "tolls", "total")),
            Column("tip_rate", "real"),
            Column("completeness", "real"),
            Column("within_bounds", "int", measure=True),
        ),
        time="ended_at",
        read_by=("ended_at", 0),
        copied="copied",
        headline="total",
        generations=False,
    )

    def records_of(self, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Times, the last one excluded, of the records that make rows in (begin, end]."""
        return begin + _MILLISECOND, end + _MILLISECOND

    def most_rows(self, events: int, spans: Sequence[Span]) -> int:  # noqa: ARG002
        """How many rows so many events make, at the most."""
        return events

    def division(self, spans: Sequence[Span], shares: int) -> ByKey:  # noqa: ARG002
        """How rows are divided: copies of an end may lie as far apart as they like."""
        return ByKey(shares)

    def events(self, records: pa.Table, settings: Settings) -> pa.Table:
        """What archived events are to it: rows, with their places in the log; ``records`` have its ``columns``."""
        secret = settings.driver_secret
        types = {column.name: column.arrow.type for column in self.table.columns}
        return trips_of(records, types, secret.get_secret_value() if secret else None)

    def truth_sql(self, events: str) -> str:
        """The query of a share's rows: whether one is ``copied``, and where the end that counts is in the log."""
        # All ends with one id are in one partition, where the stream has read them in this order.
        return (
            "SELECT * EXCLUDE (nth) FROM ("
            f"SELECT *, row_number() OVER ends_of AS nth, lead(trip_id) OVER ends_of IS NOT NULL AS copied"
            f" FROM {events} WINDOW ends_of AS (PARTITION BY trip_id"
            " ORDER BY kafka_offset DESC NULLS LAST, kafka_partition NULLS FIRST))"
            " WHERE nth = 1"
        )

    def late(self, settings: Settings, begin: datetime, end: datetime) -> None:  # noqa: ARG002
        """Nothing comes too late for a trip."""
        return
