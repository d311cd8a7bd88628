"""All curated tables: their names and keys."""

from __future__ import annotations

from typing import Final

from hailstream.curate.features import DEMAND_FEATURES, feature_tables
from hailstream.curate.performance import PERFORMANCE_TABLES
from hailstream.curate.tables import BASIC_TABLES, Table

#: The one that is made of another.
WEATHER_LIFTS: Final = "weather_lifts"


def queried_tables(last_hour: int, *, features: bool = True) -> tuple[Table, ...]:
    """Those that are made by a query; after ``last_hour`` nothing is known.

    Args:
        features: those of demand too, which have more rows than all others together.
    """
    every = (*BASIC_TABLES, *PERFORMANCE_TABLES, *feature_tables(last_hour))
    return tuple(table for table in every if features or table.name != DEMAND_FEATURES)


#: Columns that tell rows apart, by table; ``month`` is one of each.
KEYS: Final = {table.name: table.key for table in queried_tables(0)} | {WEATHER_LIFTS: ("condition",)}
NAMES: Final = tuple(KEYS)
