"""The computation of some months: copies, staging, sums, tables, checks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

import duckdb
import polars as pl
import pyarrow as pa

from hailstream.archive.pieces import Piece, tasks_of
from hailstream.curate.calendar import Hour, hours_of, months_of
from hailstream.curate.catalog import WEATHER_LIFTS, queried_tables
from hailstream.curate.copies import find_copies
from hailstream.curate.counts import Raw, RuleCount, rule_counts
from hailstream.curate.raw import Span
from hailstream.curate.staging import Plan, Staged, StageTask, files_of, marked_rows, remove_uncounted, stage
from hailstream.curate.sums import MARKED, sum_up_again
from hailstream.curate.tables import SPAN_SQL, Table
from hailstream.domain.zones import ZONES
from hailstream.duck.database import as_instants, open_database, rows_of
from hailstream.quality.layers import Layers, check_layers
from hailstream.quality.result import Check
from hailstream.settings import Settings
from hailstream.spark.tasks import spread
from hailstream.weather.hourly import Weather
from hailstream.weather.lifts import weather_lifts

if TYPE_CHECKING:
    from pyspark import SparkContext

#: Features look back a week.
BACK_HOURS: Final = 168


class Chunk:
    """Months in a row.

    Args:
        pieces: of the archive: the months, and a week and a day before.
        span: times of their records, hours of the months.
        archived: UTC dates that the archive has.
        weather: by hour.
        features: those of demand are made too.
    """

    def __init__(
        self,
        spark: SparkContext,
        settings: Settings,
        pieces: Sequence[Piece],
        span: Span,
        months: list[date],
        archived: Collection[date],
        weather: Weather,
        *,
        features: bool = True,
    ) -> None:
        self._spark = spark
        self._settings = settings
        self._months = months
        self._features = features
        self._archived = archived
        self._span = span
        self._hours = hours_of(months, archived)
        self._weather = weather.hours.filter(
            pl.col("hour").is_between(span.first_hour, span.end_hour, closed="left")
        ).to_arrow()
        self._has_weather = not weather.hours.is_empty()
        # At the edge of an archive there may be a month without a file.
        self._tasks = tasks_of(pieces, spark.defaultParallelism) or [()]
        self._staged: list[Staged] = []
        self.rules: list[RuleCount] = []
        #: What the archive has of the months.
        self.raw = Raw(0, 0, 0, 0)

    def stage(self, folder: str) -> None:
        """Write staging, and sum it up for the tables.

        Raises:
            HailstreamError: inside the tasks, see :func:`hailstream.curate.staging.stage`.
        """
        found = find_copies(self._spark, self._settings, self._tasks, self._span)
        self.raw, copies = found.raw, found.copies
        before = files_of(folder)
        plan = Plan(self._settings, self._span, self._known_hours(), folder)
        tasks = [
            StageTask(pieces, {piece.number: copies[piece.number] for piece in pieces if piece.number in copies})
            for pieces in self._tasks
        ]
        self._staged = spread(self._spark, partial(stage, plan=plan), tasks)
        remove_uncounted(folder, before, self._staged)

    def tables(self) -> dict[str, pa.Table]:
        """Rows of all tables, in the order of their keys."""
        views = {"hours": _calendar(self._hours), "zones": _zones(), "weather": self._weather}
        with open_database(views) as database:
            sum_up_again(database, [one.sums for one in self._staged])
            self._count(database)
            database.execute(f"CREATE TEMP TABLE span AS {SPAN_SQL}")
            asked = queried_tables(self._last_hour(database), features=self._features)
            made = {table.name: _rows(database, table) for table in asked}
        self._staged = []
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

    def _known_hours(self) -> pa.Table:
        """Those of the months, and as many before as features look back."""
        before = [month for month in months_of(self._archived) if month < self._months[0]][-1:]
        earlier = [hour for hour in hours_of(before, ()) if hour.hour >= self._span.first_hour - BACK_HOURS]
        hours = _calendar(earlier + self._hours)
        return hours.append_column("asked", pa.array([False] * len(earlier) + [True] * len(self._hours)))

    def _count(self, database: duckdb.DuckDBPyConnection) -> None:
        marked = marked_rows(rows_of(database, f"SELECT * FROM {MARKED}"))
        others = {kind: sum(one.others.get(kind, 0) for one in self._staged) for kind in self._staged[0].others}
        self.rules = rule_counts(marked, self.raw, others, self._months)

    def _last_hour(self, database: duckdb.DuckDBPyConnection) -> int:
        """Behind it nothing is known."""
        if any(month > self._months[-1] for month in months_of(self._archived)):
            return self._span.end_hour - 1
        [(found,)] = database.sql("SELECT max(hour) FROM zone_hours").fetchall()
        return int(found) if found is not None else self._span.first_hour


def _rows(database: duckdb.DuckDBPyConnection, table: Table) -> pa.Table:
    return as_instants(rows_of(database, table.sql)).sort_by([(name, "ascending") for name in ("month", *table.key)])


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
