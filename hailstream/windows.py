"""Each windowed metric, defined once and compiled to Flink SQL.

A metric is a value: which events, which key, which window, which measures.
Engines are compiled from it, so that they cannot drift apart.

The compiled pipeline of a metric, from a view of packed events to rows::

    on time ──► a minute's packets ──► tallies: each trip ──► hopping window ──┬──────────────► rows
                                       once, zone by zone                      └─► zones of the ─┘
                                                                                   last hour (zeros)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED, ZONE_COUNTS, ZONE_REVENUE, Topic

MINUTE = timedelta(minutes=1)

Aggregate = Literal["count", "sum", "count_known", "count_distinct"]


@dataclass(frozen=True)
class Measure:
    """One number of a window.

    Attributes:
        name: column of the result.
        aggregate: how rows become the number; ``count`` counts rows, the others
            pass over nulls; a sum of nothing is 0.
        value: a decoded column, or integer arithmetic on such columns that every
            SQL reads alike; empty for ``count``.
        scale: decimal places of the result: the number is in units of
            10^-scale inside the engine (2: cents become USD), 0 is an integer.
    """

    name: str
    aggregate: Aggregate
    value: str = ""
    scale: int = 0


@dataclass(frozen=True)
class WindowedMetric:
    """A hopping window over the events of one topic, per zone.

    Attributes:
        name: of the metric, its job and its ClickHouse table.
        events: topic the events come from.
        results: topic the rows go to.
        columns: decoded columns that the measures read.
        size, slide: of the window; slide is a whole number of minutes and divides size.
        active_for: a zone has a row for every window until this long after its last event.
        measures: the numbers; the sum of duplicates is added to them.
    """

    name: str
    events: Topic
    results: Topic
    columns: tuple[str, ...]
    size: timedelta
    slide: timedelta
    measures: tuple[Measure, ...]
    active_for: timedelta = timedelta(hours=1)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers of a row, by name: its measures and the duplicates."""
        return (*(measure.name for measure in self.measures), "duplicates")

    def __post_init__(self) -> None:
        if self.slide % MINUTE or self.size % self.slide or self.active_for % self.slide:
            raise ValueError(f"{self.name}: slide must be whole minutes and divide size and active_for")


COUNTS = WindowedMetric(
    name="zone_counts",
    events=TRIPS_STARTED,
    results=ZONE_COUNTS,
    columns=("passengers", "driver_id"),
    size=timedelta(minutes=5),
    slide=timedelta(minutes=1),
    measures=(
        Measure("trips", "count"),
        Measure("passengers", "sum", "passengers"),
        Measure("known_passengers", "count_known", "passengers"),
        Measure("drivers", "count_distinct", "driver_id"),
    ),
)

# `kept` is 1 for a row within the bounds, else 0, and the three amounts below
# it are 0 for a row that is not: sums need no filter.
REVENUE = WindowedMetric(
    name="zone_revenue",
    events=TRIPS_ENDED,
    results=ZONE_REVENUE,
    columns=("kept", "total_cents", "fare_cents", "tip_cents", "toll_cents"),
    size=timedelta(minutes=10),
    slide=timedelta(minutes=2),
    measures=(
        Measure("rows", "count"),
        Measure("total_sum", "sum", "total_cents", scale=2),
        Measure("trips", "sum", "kept"),
        Measure("fare_sum", "sum", "fare_cents", scale=2),
        Measure("fare_sq", "sum", "fare_cents * fare_cents", scale=4),
        Measure("tip_sum", "sum", "tip_cents", scale=2),
        Measure("toll_sum", "sum", "toll_cents", scale=2),
        Measure("excluded", "sum", "1 - kept"),
    ),
)

METRICS: dict[str, WindowedMetric] = {metric.name: metric for metric in (COUNTS, REVENUE)}
