"""Trips as a table that can be computed again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from hailstream.reconcile.columns import SPARK_TYPES, Column, KeyedTable
from hailstream.settings import Settings
from hailstream.spark.trip_rows import trips_of
from hailstream.topics import TRIPS, TRIPS_ENDED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_MILLISECOND: Final = timedelta(milliseconds=1)


def _amount(name: str) -> Column:
    return Column(name, "long", measure=True, scale=2, digits=10)


class TripTable:
    """Trips, by the time of their ends. Late ends are trips like others; of ends with one id the last one counts."""

    by_record = True
    #: How long after an event it makes rows.
    lasting = timedelta(0)
    #: In how many rows an event is.
    overlap = 1
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

    def truth(self, spark: SparkSession, records: DataFrame, settings: Settings) -> DataFrame:
        """The rows that records give, whether one is ``copied``, and where the end that counts is in the log."""
        secret = settings.driver_secret
        types = {column.name: SPARK_TYPES[column.kind] for column in self.table.columns}
        trips_of(records, types, secret.get_secret_value() if secret else None).createOrReplaceTempView("ends")
        # All ends with one id are in one partition, where the stream has read them in this order.
        return spark.sql(
            "SELECT * FROM ("
            "SELECT *, row_number() OVER ends_of AS nth, lead(trip_id) OVER ends_of IS NOT NULL AS copied FROM ends"
            " WINDOW ends_of AS (PARTITION BY trip_id ORDER BY kafka_offset DESC, kafka_partition))"
            " WHERE nth = 1"
        )

    def late(self, spark: SparkSession, settings: Settings, begin: datetime, end: datetime) -> None:  # noqa: ARG002
        """Nothing comes too late for a trip."""
        return
