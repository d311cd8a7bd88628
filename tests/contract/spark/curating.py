"""Small archives of ends for tests of curate, and how a run is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from hailstream.batch.runs import batch_run
from hailstream.clickhouse import reachable
from hailstream.curate.catalog import NAMES
from hailstream.curate.run import Curated, Curator
from hailstream.domain.clock import to_utc
from hailstream.settings import Settings
from hailstream.weather.hourly import Weather, read_weather

if TYPE_CHECKING:
    from pyspark import SparkContext

_SCHEMA = {
    "kind": pl.String(),
    "trip_id": pl.String(),
    "started_at": pl.Datetime("ms", "UTC"),
    "event_time": pl.Datetime("ms", "UTC"),
    "vendor_id": pl.String(),
    "driver_id": pl.String(),
    "pickup_location_id": pl.Int64(),
    "dropoff_location_id": pl.Int64(),
    "pickup_latitude": pl.Float64(),
    "pickup_longitude": pl.Float64(),
    "passenger_count": pl.Int64(),
    "source": pl.String(),
    "trip_distance_miles": pl.Float64(),
    "payment_type": pl.Int64(),
    "fare_cents": pl.Int64(),
    "tip_cents": pl.Int64(),
    "tolls_cents": pl.Int64(),
    "total_cents": pl.Int64(),
}


def end(trip_id: str, started: str | datetime, minutes: float = 10, **given: Any) -> dict[str, Any]:
    """The end of a plain trip that began at a time of New York, or at a moment."""
    began = to_utc(datetime.fromisoformat(started)) if isinstance(started, str) else started
    milliseconds = round(began.timestamp() * 1000)
    return {
        "kind": "event",
        "trip_id": trip_id,
        "started_at": milliseconds,
        "event_time": milliseconds + round(minutes * 60_000),
        "pickup_location_id": 74,
        "dropoff_location_id": 75,
        "passenger_count": 1,
        "source": "test",
        "trip_distance_miles": 2.0,
        "payment_type": 1,
        "fare_cents": 1000,
        "tip_cents": 200,
        "tolls_cents": 0,
        "total_cents": 1200,
    } | given


def ends(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """As records of the archive, by their time."""
    whole = [{name: row.get(name) for name in _SCHEMA} for row in rows]
    times = ("started_at", "event_time")
    frame = pl.DataFrame(whole, schema=_SCHEMA | dict.fromkeys(times, pl.Int64()))
    return frame.cast({name: _SCHEMA[name] for name in times})  # type: ignore[arg-type]


def files(settings: Settings, table: str) -> pl.DataFrame:
    """The published Parquet files of a table."""
    root = Path(settings.curated_address.removeprefix("file://")) / settings.namespace
    return pl.read_parquet(f"{root}/run-*/{table}/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=True)


def curate(
    spark: SparkContext,
    settings: Settings,
    weather: Weather | None = None,
    after: Callable[[str, str], None] = lambda _step, _folder: None,
    *,
    features: bool = True,
    **span: Any,
) -> Curated:
    """Run it once, with the record of the run."""
    with batch_run("curate", settings) as run:
        curator = Curator(spark, settings, weather or read_weather([]), features=features, after=after)
        return curator.curate(span.get("begin"), span.get("end"), run)


def rows_of(settings: Settings, query: str) -> list[dict[str, Any]]:
    """What ClickHouse answers."""
    with reachable(settings, database=settings.database) as client:
        return list(client.query(query).named_results())


def everything(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all views."""
    with reachable(settings, database=settings.database) as client:
        return {name: sorted(client.query(f"SELECT * FROM {name}").result_rows, key=repr) for name in NAMES}
