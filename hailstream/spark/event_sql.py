"""What windows read of an event, as Spark SQL over archived events.

The same rules as :mod:`hailstream.decode.columns` has for columns of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hailstream.archive.layout import EVENT
from hailstream.domain.rules import BOUNDS, Bound
from hailstream.domain.zones import UNKNOWN, ZONES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MINUTE_MS: Final = 60_000
#: Name of the function from latitude and longitude to a zone.
ZONE_OF: Final = "hailstream_zone_of"


def _within(bound: Bound, value: str, unit: float = 1) -> str:
    return f"{value} BETWEEN {bound.low * unit:.0f} AND {bound.high * unit:.0f}"


#: Whether an ended trip lies within the bounds: a distance that is not known does, a fare that is not known does not.
#: This and the next one are read by DuckDB too, see :mod:`hailstream.curate.engine`.
KEPT: Final = (
    f"(coalesce({_within(BOUNDS.fare, 'fare_cents')}, false)"
    f" AND coalesce({_within(BOUNDS.distance, 'trip_distance_miles')}, true)"
    f" AND {_within(BOUNDS.duration, 'unix_millis(event_time) - unix_millis(started_at)', MINUTE_MS)})"
)
PASSENGERS: Final = f"CASE WHEN {_within(BOUNDS.passengers, 'passenger_count')} THEN passenger_count END"

#: The columns that metrics can ask for; see ``COLUMN_TYPES`` of :mod:`hailstream.decode.columns`.
COLUMNS: Final[Mapping[str, str]] = {
    "driver_id": "driver_id",
    "passengers": PASSENGERS,
    "kept": f"CASE WHEN {KEPT} THEN 1 ELSE 0 END",
    "total_cents": "coalesce(total_cents, 0)",
    "fare_cents": f"CASE WHEN {KEPT} THEN fare_cents ELSE 0 END",
    "tip_cents": f"CASE WHEN {KEPT} THEN coalesce(tip_cents, 0) ELSE 0 END",
    "toll_cents": f"CASE WHEN {KEPT} THEN coalesce(tolls_cents, 0) ELSE 0 END",
}


def zone_sql(place: str) -> str:
    """The zone of a place, ``pickup`` or ``dropoff``: the given one where it is one, else that of the coordinates."""
    location, latitude, longitude = (f"{place}_{name}" for name in ("location_id", "latitude", "longitude"))
    return (
        f"CASE WHEN {location} BETWEEN 1 AND {len(ZONES)} THEN CAST({location} AS INT)"
        f" WHEN {latitude} IS NULL OR {longitude} IS NULL THEN {UNKNOWN} ELSE {ZONE_OF}({latitude}, {longitude}) END"
    )


def window_events_sql(columns: tuple[str, ...], records: str) -> str:
    """The query of the events among records as windows read them: minute (ms), trip_id, zone_id, logged, columns.

    ``logged`` is whether an event is of the log and not of a backfilled month.
    """
    read = ", ".join(f"{COLUMNS[name]} AS `{name}`" for name in columns)
    time = "unix_millis(event_time)"
    return (
        f"SELECT {time} - pmod({time}, {MINUTE_MS}) AS minute, trip_id, {zone_sql('pickup')} AS zone_id,"
        f" kafka_partition IS NOT NULL AS logged, {read}"
        f" FROM {records} WHERE kind = '{EVENT}'"
    )


def register_functions(spark: SparkSession) -> None:
    """Make the functions known that the queries of this module call."""
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    def look_up(latitude: pd.Series[Any], longitude: pd.Series[Any]) -> pd.Series[Any]:
        from hailstream.domain.zones import zone_of

        return pd.Series(zone_of(latitude.to_numpy(float), longitude.to_numpy(float)))

    # With annotations that are text Spark cannot tell the kind of function.
    look_up.__annotations__ = {"latitude": pd.Series, "longitude": pd.Series, "return": pd.Series}
    spark.udf.register(ZONE_OF, pandas_udf(look_up, "int"))
