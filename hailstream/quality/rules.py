"""What each table must look like, as schemas of pandera: columns, types, nulls, ranges, keys, zones that exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

import pandera.polars as pa
import polars as pl

from hailstream.curate.calendar import LAGS, MEANS, TIMES_OF_DAY
from hailstream.curate.catalog import KEYS
from hailstream.curate.sums import BANDS
from hailstream.domain.zones import ZONES
from hailstream.weather.hourly import COLUMNS as WEATHER
from hailstream.weather.lifts import CONDITIONS

Dtype = Any
_MONEY: Final = pl.Decimal(18, 2)
_MOMENT: Final = pl.Datetime("us", "UTC")


def _column(dtype: Dtype, *checks: pa.Check, nullable: bool = False) -> pa.Column:
    return pa.Column(dtype, list(checks), nullable=nullable)


def _between(low: float, high: float) -> pa.Check:
    return pa.Check.in_range(low, high, error=f"between {low} and {high}")


def _least(value: float) -> pa.Check:
    return pa.Check.ge(value, error=f"at least {value}")


def _one_of(values: Iterable[str]) -> pa.Check:
    known = sorted(values)
    return pa.Check.isin(known, error=f"one of {', '.join(known)}")


def _rows(told: str, holds: Callable[[], pl.Expr]) -> pa.Check:
    """A check of each row that looks at several columns."""
    return pa.Check(lambda data: data.lazyframe.select(holds()), error=told)


_ZONE: Final = pa.Check.isin([zone.zone_id for zone in ZONES], error="a zone that exists")
_COUNT: Final = (pl.Int64, _least(0))
_MEASURES: Final[dict[str, tuple[Any, ...]]] = {
    "rows": _COUNT,
    "total_sum": (_MONEY,),
    "trips": _COUNT,
    "revenue_sum": (_MONEY,),
    "fare_sum": (_MONEY, _least(0)),
    "tip_sum": (_MONEY,),
    "toll_sum": (_MONEY,),
    "miles_sum": (pl.Decimal(18, 3), _least(0)),
    "seconds_sum": _COUNT,
    "passengers": _COUNT,
    "known_passengers": _COUNT,
}
_DATE: Final = {"date": (pl.Date,)}
_HOUR_LOCAL: Final = {"hour_local": (pl.Int32, _between(0, 23))}
_HOUR: Final = {"hour_start": (_MOMENT,), **_DATE, **_HOUR_LOCAL, "weekend": (pl.Boolean,)}
_ZONE_ID: Final = {"zone_id": (pl.Int32, _ZONE)}
_NAMES: Final = {"zone": (pl.String,), "borough": (pl.String,)}
_DROPOFFS: Final = {"dropoffs": _COUNT}
_PEAK: Final = {"peak_hour": (pl.Int32, _between(0, 23))}
_TABLES: Final[dict[str, dict[str, tuple[Any, ...]]]] = {
    "daily_summary": {
        **_DATE,
        **_MEASURES,
        "drivers": _COUNT,
        "zones": (pl.Int64, _between(1, len(ZONES))),
        **_PEAK,
        "hours": (pl.Int64, _between(23, 25)),
    },
    "hourly_patterns": {
        "weekday": (pl.Int32, _between(1, 7)),
        **_HOUR_LOCAL,
        "hours": (pl.Int64, _least(1)),
        **_MEASURES,
    },
    "payment_analysis": {**_DATE, **_MEASURES, "tipped": _COUNT},
    "distance_analysis": {
        **_DATE,
        "band": (
            pl.String,
            _one_of(
                ["unknown", "outside", f"{BANDS[-1]}-100"]
                + [f"{low}-{high}" for low, high in zip((0, *BANDS), BANDS, strict=False)]
            ),
        ),
        **_MEASURES,
    },
    "location_analysis": {**_ZONE_ID, "end_zone_id": (pl.Int32, _ZONE), **_MEASURES},
    "daily_zone_aggregations": {**_DATE, **_ZONE_ID, **_NAMES, **_MEASURES, **_DROPOFFS},
    "vendor_performance": _MEASURES,
    "driver_performance": {"driver_id": (pl.String,), **_MEASURES, "shifts": _COUNT, "shift_seconds": _COUNT},
    "zone_performance": {
        **_ZONE_ID,
        **_NAMES,
        **_MEASURES,
        **_DROPOFFS,
        "active_hours": (pl.Int64, _least(1)),
        **_PEAK,
        "share_percent": (pl.Float64, _between(0, 100)),
    },
    "trip_weather": {**_HOUR, **_MEASURES},
    "weather_lifts": {
        "condition": (pl.String, _one_of(CONDITIONS)),
        "hours": (pl.Int64, _least(1)),
        "trips": _COUNT,
        "expected_trips": (pl.Float64, _least(0)),
    },
    "demand_features": {
        **_HOUR,
        **_ZONE_ID,
        "weekday": (pl.Int32, _between(1, 7)),
        "holiday": (pl.Boolean,),
        "trips": _COUNT,
        "quarter_trips": (pl.List(pl.Int64),),
    },
}
_WEATHER: Final[dict[str, tuple[Any, ...]]] = {
    "temperature_c": (pl.Float64, _between(-60, 60)),
    "humidity_percent": (pl.Float64, _between(0, 100)),
    "wind_kmh": (pl.Float64, _between(0, 400)),
    "precipitation_mm": (pl.Float64, _between(0, 500)),
    "snow": (pl.Boolean,),
}
#: Columns that may be null.
_NULLABLE: Final[dict[str, dict[str, tuple[Any, ...]]]] = {
    "payment_analysis": {"payment_type": (pl.Int32,)},
    "vendor_performance": {"vendor_id": (pl.String,), "hourly": (_MONEY, _least(0)), "score": (pl.Float64, _least(0))},
    "driver_performance": {
        "utilisation": (pl.Float64, _between(0, 1)),
        "hourly": (_MONEY,),
        "score": (pl.Float64,),
    },
    "zone_performance": {"hourly": (_MONEY,), "score": (pl.Float64,)},
    "trip_weather": _WEATHER,
    "weather_lifts": {name: (pl.Float64, _least(-1)) for name in ("demand_lift", "fare_lift")}
    | {"tip_lift": (pl.Float64,)},
    "demand_features": {f"lag_{lag}": _COUNT for lag in LAGS}
    | {f"mean_{span}": (pl.Float64, _least(0)) for span in MEANS}
    | _WEATHER,
}


@cache
def curated_schema(table: str) -> pa.DataFrameSchema:
    """What a curated table must be."""
    columns = {"month": _column(pl.Date)}
    columns |= {name: _column(*rules) for name, rules in _TABLES[table].items()}
    columns |= {name: _column(*rules, nullable=True) for name, rules in _NULLABLE.get(table, {}).items()}
    checks = []
    if "rows" in columns:
        checks += [
            _rows("no more trips than rows", lambda: pl.col("trips") <= pl.col("rows")),
            _rows("no sums without trips", lambda: (pl.col("trips") > 0) | (pl.col("fare_sum") == 0)),
        ]
    if "date" in columns:
        checks.append(_rows("a date of its month", lambda: pl.col("date").dt.month_start() == pl.col("month")))
    if table == "demand_features":
        checks.append(_rows("quarters make the hour", lambda: pl.col("quarter_trips").list.sum() == pl.col("trips")))
    assert set(WEATHER) == set(_WEATHER)
    return pa.DataFrameSchema(columns, checks=checks, unique=["month", *KEYS[table]], strict=True)


_STAGED: Final[dict[str, tuple[Any, ...]]] = {
    "trip_id": (pl.String,),
    "hour": (pl.Int64,),
    **_HOUR_LOCAL,
    "quarter": (pl.Int32, _between(0, 3)),
    "started_at": (_MOMENT,),
    "ended_at": (_MOMENT,),
    "seconds": (pl.Int64,),
    **_ZONE_ID,
    "end_zone_id": (pl.Int32, _ZONE),
    "source": (pl.String,),
    "within_bounds": (pl.Boolean,),
    "marks": (pl.String,),
    "month": (pl.Date,),
    "date": (pl.Date,),
    "time_of_day": (pl.String, _one_of(TIMES_OF_DAY)),
}
_STAGED_NULLABLE: Final[dict[str, tuple[Any, ...]]] = {
    **dict.fromkeys(("vendor_id", "driver_id", "vehicle_id"), (pl.String,)),
    "passengers": (pl.Int32, _between(1, 9)),
    "miles": (pl.Float64,),
    **dict.fromkeys(("payment_type", "rate_code"), (pl.Int32,)),
    **{
        f"{name}_cents": (pl.Int64,)
        for name in [
            "fare",
            "extra",
            "mta_tax",
            "tip",
            "tolls",
            "improvement_surcharge",
            "congestion_surcharge",
            "total",
        ]
    },
}


@cache
def staging_schema() -> pa.DataFrameSchema:
    """What staging must be; that a trip is there once is asked of all files together."""
    columns = {name: _column(*rules) for name, rules in _STAGED.items()}
    columns |= {name: _column(*rules, nullable=True) for name, rules in _STAGED_NULLABLE.items()}
    marked = pl.col("marks").str.contains("fare_|distance_|duration_")
    checks = [
        _rows("within the bounds or marked", lambda: pl.col("within_bounds") | marked),
        _rows("a date of its month", lambda: pl.col("date").dt.month_start() == pl.col("month")),
    ]
    return pa.DataFrameSchema(columns, checks=checks, strict=True)
