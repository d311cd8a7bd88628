"""Weather files: units, what is missing, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hailstream.errors import HailstreamError
from hailstream.weather.hourly import read_weather

HEADER = "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour"
NOON = 1_704_110_400 // 3600  # 2024-01-01 12:00 UTC


def file_of(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "weather.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def line(time: str = "2024-01-01T12:00:00Z", temp: str = "50", precip: str = "0", origin: str = "LGA") -> str:
    return f"{origin},2024,1,1,7,{temp},NA,60.5,NA,10,NA,{precip},NA,10,{time}"


def test_units_are_metric_and_the_hour_is_that_of_utc(tmp_path: Path) -> None:
    [row] = read_weather([file_of(tmp_path, line(precip="0.1"))]).hours.rows(named=True)
    assert row == {
        "hour": NOON,
        "temperature_c": 10.0,
        "humidity_percent": 60.5,
        "wind_kmh": 16.1,
        "precipitation_mm": 2.54,
        "snow": False,
    }


@pytest.mark.parametrize(
    ("temp", "precip", "snow"),
    [("33", "0.01", True), ("34", "0.01", False), ("20", "0", False), ("NA", "0", False), ("NA", "0.1", None)],
)
def test_snow_is_what_falls_when_it_is_cold(tmp_path: Path, temp: str, precip: str, snow: bool | None) -> None:
    [row] = read_weather([file_of(tmp_path, line(temp=temp, precip=precip))]).hours.rows(named=True)
    assert row["snow"] is snow


def test_only_the_station_asked_for_is_read(tmp_path: Path) -> None:
    path = file_of(tmp_path, line(temp="50"), line(temp="59", origin="JFK"))
    assert read_weather([path], "JFK").hours["temperature_c"].to_list() == [15.0]
    with pytest.raises(HailstreamError, match="no weather of station BOS") as refused:
        read_weather([path], "BOS")
    assert "JFK, LGA" in refused.value.hint


def test_what_cannot_be_read_is_told_and_the_rest_is_there(tmp_path: Path) -> None:
    path = file_of(tmp_path, line(time="yesterday"), line(temp="warm"), line(time="2024-01-01T13:00:00Z"), line())
    weather = read_weather([path])
    assert weather.hours["hour"].to_list() == [NOON, NOON + 1]
    assert weather.hours["temperature_c"].to_list() == [None, 10.0]
    told = " ".join(weather.told)
    assert "1 rows whose time_hour cannot be read" in told
    assert "1 values that are no numbers" in told
    assert "1 second rows of an hour" in told


def test_another_layout_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("station,time\nLGA,1\n")
    with pytest.raises(HailstreamError, match="missing: origin, temp, humid, wind_speed, precip, time_hour") as refused:
        read_weather([tmp_path / "other.csv"])
    assert refused.value.exit_code == 2


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="no such file"):
        read_weather([tmp_path / "none.csv"])
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(HailstreamError, match=r"empty\.csv: no CSV file"):
        read_weather([tmp_path / "empty.csv"])


def test_the_facts_of_2013(shared_data: Path) -> None:
    hours = {
        name: read_weather([shared_data / "weather_hourly_2013.csv.gz"], name).hours for name in ("JFK", "LGA", "EWR")
    }
    assert {name: frame.height for name, frame in hours.items()} == {"JFK": 8706, "LGA": 8706, "EWR": 8703}
    wet = sum(int((frame["precipitation_mm"] > 0).sum()) for frame in hours.values())
    assert wet == 1749
    assert pl.concat(hours.values())["temperature_c"].null_count() == 1


def test_files_are_read_together(tmp_path: Path) -> None:
    first = file_of(tmp_path, line(time="2024-01-01T13:00:00Z")).rename(tmp_path / "first.csv")
    second = file_of(tmp_path, line(), line(time="2024-01-01T13:00:00Z", temp="0"))
    assert read_weather([first, second]).hours["temperature_c"].to_list() == [10.0, 10.0]
    assert read_weather([]).hours.is_empty()
