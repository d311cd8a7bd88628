"""The computation of some months: views, staging, tables, checks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pyarrow as pa

from hailstream.curate.calendar import Hour, first_hour, hours_of, months_of, next_month
from hailstream.curate.catalog import WEATHER_LIFTS, queried_tables
from hailstream.curate.staging import Raw, RuleCount, Stager, read_staging, rule_counts, write_rows, write_staging
from hailstream.curate.tables import SPAN_SQL, ZONE_HOURS_SQL, Table
from hailstream.domain.zones import ZONES
from hailstream.quality.layers import Layers, check_layers
from hailstream.quality.result import Check
from hailstream.weather.hourly import Weather
from hailstream.weather.lifts import weather_lifts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: Fewer rows pass through this process without noticing it.
_FEW: Final = 500_000
#: Columns of staging that tables are made of.
_USED: Final = (
    *("month", "date", "hour", "hour_local", "quarter", "started_at", "ended_at", "seconds", "zone_id", "end_zone_id"),
    *("vendor_id", "driver_id", "passengers", "miles", "payment_type", "fare_cents", "tip_cents", "tolls_cents"),
    *("total_cents", "within_bounds", "marks"),
)
#: Features look back a week.
_BACK: Final = 168


class Chunk:
    """Months in a row.

    Args:
        records: of the months, and of a week and a day before.
        archived: UTC dates that the archive has.
        weather: by hour.
        features: those of demand are made too.
    """

    def __init__(
        self,
        spark: SparkSession,
        records: DataFrame,
        months: list[date],
        archived: Collection[date],
        weather: Weather,
        *,
        features: bool = True,
    ) -> None:
        self._spark = spark
        self._months = months
        self._features = features
        self._archived = archived
        self._first, self._end = first_hour(months[0]), first_hour(next_month(months[-1]))
        self._stager = Stager(spark, records, self._first, self._end)
        before = [month for month in months_of(archived) if month < months[0]][-1:]
        earlier = [hour for hour in hours_of(before, ()) if hour.hour >= self._first - _BACK]
        self._view("hours", _calendar(hours_of(months, archived)))
        self._view("earlier", _calendar(earlier))
        self._view("zones", _zones())
        self._has_weather = not weather.hours.is_empty()
        mine = weather.hours.filter(pl.col("hour").is_between(self._first, self._end, closed="left"))
        self._view("weather", mine.to_arrow())

    @property
    def raw(self) -> Raw:
        """What the archive has of the months."""
        return self._stager.raw

    def stage(self, path: str) -> None:
        """Write staging, and let the tables be made of what was written."""
        rows = self._stager.rows("hours")
        if self.raw.rows < _FEW:
            staged = rows.toArrow()
            write_rows(staged, path)
            trips = self._spark.createDataFrame(staged.select(_USED))
        else:
            write_staging(rows, path)
            trips = read_staging(self._spark, path, self._months).select(*_USED)
        # Read once, and only what tables are made of: a dozen of them ask for it.
        trips = self._trips = trips.persist()
        trips.createOrReplaceTempView("trips")
        self.rules: list[RuleCount] = rule_counts(trips, self.raw, self._months)
        self._stager.rows("earlier").createOrReplaceTempView("earlier_trips")

    def tables(self) -> dict[str, pa.Table]:
        """Rows of all tables, in the order of their keys."""
        spark = self._spark
        now, earlier = (ZONE_HOURS_SQL.format(trips=name) for name in ("trips", "earlier_trips"))
        zone_hours = spark.sql(f"{now} UNION ALL {earlier}").persist()
        try:
            zone_hours.createOrReplaceTempView("zone_hours")
            spark.sql(SPAN_SQL).createOrReplaceTempView("span")
            asked = queried_tables(self._last_hour(zone_hours), features=self._features)
            made = {table.name: self._rows(table) for table in asked}
        finally:
            zone_hours.unpersist()
            self._trips.unpersist()
        hours = pl.DataFrame(pl.from_arrow(made["trip_weather"]))
        return made | {WEATHER_LIFTS: weather_lifts(hours).to_arrow()}

    def trips_by_month(self) -> dict[date, int]:
        """Rows of staging by month."""
        rule = self.rules[0].rule
        return {count.month: count.kept + count.marked for count in self.rules if count.rule == rule and count.month}

    def checks(self, tables: dict[str, pa.Table], staging: str) -> list[Check]:
        """What is to be said of the layers."""
        frames = {name: pl.DataFrame(pl.from_arrow(rows)) for name, rows in tables.items()}
        return check_layers(Layers(self._months, self.raw, staging, frames, self.rules, weather=self._has_weather))

    def _last_hour(self, zone_hours: DataFrame) -> int:
        """Behind it nothing is known."""
        if any(month > self._months[-1] for month in months_of(self._archived)):
            return self._end - 1
        found: Any = zone_hours.agg({"hour": "max"}).collect()[0][0]
        return int(found) if found is not None else self._first

    def _rows(self, table: Table) -> pa.Table:
        rows: pa.Table = self._spark.sql(table.sql).toArrow()
        return rows.sort_by([(name, "ascending") for name in ("month", *table.key)])

    def _view(self, name: str, rows: pa.Table) -> None:
        """A small table that goes to all tasks; from Arrow, so that no Python runs for it."""
        self._spark.createDataFrame(rows).hint("broadcast").createOrReplaceTempView(name)


def _calendar(hours: list[Hour]) -> pa.Table:
    types = {"hour": pa.int64(), "month": pa.date32(), "date": pa.date32(), "time_of_day": pa.string()}
    types |= dict.fromkeys(("weekend", "holiday"), pa.bool_())
    names = [field.name for field in fields(Hour)]
    return pa.table({name: pa.array([getattr(h, name) for h in hours], types.get(name, pa.int32())) for name in names})


def _zones() -> pa.Table:
    return pa.table(
        {
            "zone_id": pa.array([zone.zone_id for zone in ZONES], pa.int32()),
            "zone": pa.array([zone.name for zone in ZONES]),
            "borough": pa.array([zone.borough for zone in ZONES]),
        }
    )
