"""Weather from a server on this machine that answers as NCEI's does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from hailstream.errors import HailstreamError
from hailstream.weather.fetch import ATTEMPTS, FetchedWeather, fetch_weather
from hailstream.weather.hourly import read_weather

#: As the Access Data Service writes dataset=global-hourly, format=csv.
HEADER = (
    '"STATION","DATE","SOURCE","LATITUDE","LONGITUDE","ELEVATION","NAME","REPORT_TYPE","CALL_SIGN",'
    '"QUALITY_CONTROL","AA1","AA2","DEW","TMP","WND"'
)
TODAY = date(2024, 3, 1)


def report(
    time: str,
    kind: str = "FM-15",
    tmp: str = "+0039,5",
    wnd: str = "270,5,N,0046,5",
    aa1: str = "01,0005,9,5",
    aa2: str = "",
) -> str:
    return (
        f'"72503014732","{time}","7","40.7792","-73.88","3.4","LA GUARDIA AIRPORT, NY US","{kind}","KLGA ","V030",'
        f'"{aa1}","{aa2}","-0011,5","{tmp}","{wnd}"'
    )


@dataclass
class Service:
    """What the server answers; ``asked`` are the queries so far."""

    lines: list[str]
    statuses: list[int] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(parse_qs(urlsplit(request.path).query))
        status = self.statuses.pop(0) if self.statuses else 200
        body = "\n".join((HEADER, *self.lines, "")).encode() if status == 200 else b"no such dataset"
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def service() -> Iterator[Service]:
    offered = Service([report("2024-01-01T05:51:00")])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offered.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    offered.url = f"http://127.0.0.1:{server.server_port}/access/services/data/v1"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield offered
    server.shutdown()
    thread.join()
    server.server_close()


def get(service: Service, into: Path, *stations: str, month: str = "2024-01") -> FetchedWeather:
    chosen = stations or ("LGA",)
    return fetch_weather(month, into, stations=chosen, base_url=service.url, wait=lambda _: 0, today=TODAY)


def test_what_came_is_what_curate_reads(service: Service, tmp_path: Path) -> None:
    fetched = get(service, tmp_path / "weather")
    assert (fetched.path.name, fetched.hours) == ("weather_2024-01.csv", {"LGA": 1})
    [row] = read_weather([fetched.path]).hours.rows(named=True)
    # 2024-01-01 00:51 in New York; 4.6 m/s; vapour pressure at -1.1 over that at 3.9 degrees.
    assert row == {
        "hour": 1_704_085_200 // 3600,
        "temperature_c": 3.9,
        "humidity_percent": 69.9,
        "wind_kmh": 16.6,
        "precipitation_mm": 0.5,
        "snow": False,
    }
    [asked] = service.asked
    assert asked["dataset"] == ["global-hourly"]
    assert (asked["startDate"], asked["endDate"], asked["stations"]) == (
        ["2024-01-01"],
        ["2024-02-01"],
        ["72503014732"],
    )


def test_only_routine_reports_of_the_new_york_month_count(service: Service, tmp_path: Path) -> None:
    service.lines = [
        report("2024-01-01T04:51:00"),  # still 2023 in New York
        report("2024-01-15T12:20:00", kind="FM-16", tmp="+0200,5"),
        report("2024-01-15T12:51:00"),
        report("2024-01-15T23:59:00", kind="SOD  "),
        report("2024-02-01T04:51:00"),
        report("2024-02-01T05:51:00"),
    ]
    rows = pl.read_csv(get(service, tmp_path).path, null_values="NA")
    assert rows.select("month", "day", "hour").rows() == [(1, 15, 7), (1, 31, 23)]
    assert rows["time_hour"].to_list() == ["2024-01-15T12:00:00Z", "2024-02-01T04:00:00Z"]
    assert rows["temp"].to_list() == [39.02, 39.02]


@pytest.mark.parametrize(
    ("given", "column", "value"),
    [
        ({"tmp": "+9999,9"}, "temperature_c", None),
        ({"tmp": "+0200,3"}, "temperature_c", None),  # erroneous, by its quality code
        ({"tmp": "-0061,1"}, "temperature_c", -6.1),
        ({"wnd": "999,9,C,9999,9"}, "wind_kmh", None),
        ({"aa1": "06,0100,9,5"}, "precipitation_mm", None),  # of six hours
        ({"aa1": "06,0100,9,5", "aa2": "01,0010,9,5"}, "precipitation_mm", 1.0),
        ({"aa1": "01,0000,2,5"}, "precipitation_mm", 0.0),  # a trace
        ({"aa1": ""}, "precipitation_mm", None),
    ],
)
def test_missing_and_bad_values_are_not_known(
    service: Service, tmp_path: Path, given: dict[str, str], column: str, value: float | None
) -> None:
    service.lines = [report("2024-01-15T12:51:00", **given)]
    assert read_weather([get(service, tmp_path).path]).hours[column].to_list() == [value]


def test_several_stations_are_in_one_file(service: Service, tmp_path: Path) -> None:
    fetched = get(service, tmp_path, "JFK", "LGA")
    assert fetched.hours == {"JFK": 1, "LGA": 1}
    assert [asked["stations"] for asked in service.asked] == [["74486094789"], ["72503014732"]]
    assert read_weather([fetched.path], "JFK").hours.height == 1


def test_a_server_in_trouble_is_asked_again(service: Service, tmp_path: Path) -> None:
    service.statuses = [503, 429]
    get(service, tmp_path)
    assert len(service.asked) == 3


def test_a_server_that_stays_in_trouble_is_named_and_an_old_file_stays(service: Service, tmp_path: Path) -> None:
    (tmp_path / "weather_2024-01.csv").write_text("old")
    service.statuses = [503] * ATTEMPTS
    with pytest.raises(HailstreamError, match=r"the server answered 503"):
        get(service, tmp_path)
    service.statuses = [400]
    with pytest.raises(HailstreamError, match=r"the server answered 400: no such dataset"):
        get(service, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_an_answer_that_is_no_weather_is_refused(service: Service, tmp_path: Path) -> None:
    service.lines = []
    with pytest.raises(HailstreamError, match="NCEI has no hourly weather of LGA in 2024-01"):
        get(service, tmp_path)
    service.answer = lambda request: _page(request)  # type: ignore[method-assign]
    with pytest.raises(HailstreamError, match="what came is no hourly weather: no column DATE"):
        get(service, tmp_path)
    assert list(tmp_path.iterdir()) == []


def _page(request: BaseHTTPRequestHandler) -> None:
    body = b"<html>sorry</html>\n<p>later</p>\n"
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@pytest.mark.parametrize(
    ("month", "station", "told"),
    [("2024-13", "LGA", "no month"), ("2024-04", "LGA", "still to come"), ("2024-01", "BOS", "no station 'BOS'")],
)
def test_what_cannot_be_is_refused_before_asking(
    service: Service, tmp_path: Path, month: str, station: str, told: str
) -> None:
    with pytest.raises(HailstreamError, match=told) as refused:
        get(service, tmp_path, station, month=month)
    assert (refused.value.exit_code, service.asked) == (2, [])
