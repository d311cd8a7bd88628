"""Hourly weather out of a CSV file, in the layout of nycflights13's table ``weather``.

https://nycflights13.tidyverse.org/reference/weather.html: a row for each
station and hour, ``temp`` in Fahrenheit, ``wind_speed`` in miles an hour,
``precip`` in inches, ``time_hour`` the moment in UTC, ``NA`` for what is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from polars.datatypes import DataTypeClass

from hailstream.errors import HailstreamError

#: Of the three airports the one nearest to where most trips begin.
STATION: Final = "LGA"
#: What tables show of an hour, by types of polars; all may be null.
COLUMNS: Final[dict[str, DataTypeClass]] = {
    "temperature_c": pl.Float64,
    "humidity_percent": pl.Float64,
    "wind_kmh": pl.Float64,
    "precipitation_mm": pl.Float64,
    "snow": pl.Boolean,
}
SCHEMA: Final[dict[str, DataTypeClass]] = {"hour": pl.Int64, **COLUMNS}
#: Precipitation at or below it is taken for snow: half of what falls at it is, in the mean of the northern
#: hemisphere (Jennings et al., Nature Communications 9:1148, 2018).
SNOW_C: Final = 1.0

_NEEDED: Final = ("origin", "temp", "humid", "wind_speed", "precip", "time_hour")
_NUMBERS: Final = ("temp", "humid", "wind_speed", "precip")
_KMH_A_MPH: Final = 1.609344
_MM_AN_INCH: Final = 25.4
_MS_AN_HOUR: Final = 3_600_000


@dataclass(frozen=True)
class Weather:
    """Hours of a station.

    Attributes:
        hours: frame of ``SCHEMA``, one row for each hour that is known, in order.
        told: what was wrong with the file, a line each.
    """

    hours: pl.DataFrame
    told: tuple[str, ...] = ()


def read_weather(paths: Sequence[Path], station: str = STATION) -> Weather:
    """The weather of a station, of all files together; of an hour that is in several the first counts.

    Raises:
        HailstreamError: a file is not there, cannot be read, or has not the station.
    """
    read = [_typed(_rows(path, station), path) for path in paths]
    hours = pl.concat([pl.DataFrame(schema=SCHEMA), *(weather.hours for weather in read)])
    whole = hours.unique("hour", keep="first", maintain_order=True).sort("hour")
    return Weather(whole, tuple(line for weather in read for line in weather.told))


def _rows(path: Path, station: str) -> pl.DataFrame:
    try:
        rows = pl.read_csv(path, infer_schema=False, null_values="NA", truncate_ragged_lines=True)
    except FileNotFoundError:
        raise HailstreamError(
            f"{path}: there is no such file", hint="`hailstream fetch weather` gets one", exit_code=2
        ) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise HailstreamError(f"{path}: no CSV file that can be read: {reason}", exit_code=2) from None
    if missing := [name for name in _NEEDED if name not in rows.columns]:
        raise HailstreamError(
            f"{path}: unknown layout; columns found: {', '.join(rows.columns[:20])}; missing: {', '.join(missing)}",
            hint="docs/curate.md shows the layout of weather files",
            exit_code=2,
        )
    mine = rows.filter(pl.col("origin") == station)
    if mine.is_empty():
        there = ", ".join(sorted(rows["origin"].drop_nulls().unique())[:20]) or "none"
        raise HailstreamError(f"{path}: no weather of station {station}", hint=f"stations there: {there}", exit_code=2)
    return mine


def _typed(rows: pl.DataFrame, path: Path) -> Weather:
    moment = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="ms", strict=False)
    numbers = [pl.col(name).cast(pl.Float64, strict=False) for name in _NUMBERS]
    typed = rows.select((moment.dt.epoch("ms") // _MS_AN_HOUR).alias("hour"), *numbers)
    told = []
    if timeless := typed["hour"].null_count():
        told.append(f"{path}: {timeless:,} rows whose time_hour cannot be read are left out")
    if unread := sum(typed[name].null_count() - rows[name].null_count() for name in _NUMBERS):
        told.append(f"{path}: {unread:,} values that are no numbers count as not known")
    timed = typed.drop_nulls("hour")
    whole = timed.unique("hour", keep="first", maintain_order=True).sort("hour")
    if doubled := timed.height - whole.height:
        told.append(f"{path}: {doubled:,} second rows of an hour are left out")
    celsius = (pl.col("temp") - 32) * 5 / 9
    return Weather(
        whole.select(
            "hour",
            celsius.round(1).alias("temperature_c"),
            pl.col("humid").round(1).alias("humidity_percent"),
            (pl.col("wind_speed") * _KMH_A_MPH).round(1).alias("wind_kmh"),
            (pl.col("precip") * _MM_AN_INCH).round(2).alias("precipitation_mm"),
            ((pl.col("precip") > 0) & (celsius <= SNOW_C)).alias("snow"),
        ),
        tuple(told),
    )
