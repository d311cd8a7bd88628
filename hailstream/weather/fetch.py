"""Hourly weather of New York's airports from NOAA's National Centers for Environmental Information.

Access Data Service, no key needed: https://www.ncei.noaa.gov/support/access-data-service-api-user-documentation
The file appears when all of it is there and can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import httpx
import polars as pl
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from hailstream.curate.calendar import next_month
from hailstream.errors import HailstreamError
from hailstream.pages.page import write_whole
from hailstream.weather.isd import weather_of

#: Address of the service.
BASE_URL: Final = "https://www.ncei.noaa.gov/access/services/data/v1"
#: Numbers of stations in the Integrated Surface Database by the names of weather files.
STATIONS: Final = {"JFK": "74486094789", "LGA": "72503014732", "EWR": "72502014734", "NYC": "72505394728"}
#: Attempts until it gives up.
ATTEMPTS: Final = 6
_TIMEOUT: Final = httpx.Timeout(120.0, connect=10.0)
_TYPES: Final = "TMP,DEW,WND,AA1,AA2,AA3,AA4"


class _Retry(Exception):
    """The service failed in a way that another attempt may mend."""


@dataclass(frozen=True)
class FetchedWeather:
    """A weather file on disk.

    Attributes:
        hours: that it has of each station.
    """

    path: Path
    hours: dict[str, int]


def fetch_weather(
    month: str,
    into: Path,
    *,
    stations: Sequence[str],
    base_url: str = BASE_URL,
    wait: Callable[[RetryCallState], float] | None = None,
    today: date | None = None,
) -> FetchedWeather:
    """Get the hours of a New York month into a CSV file that curate reads.

    Raises:
        HailstreamError: a month or station that there is not, service out of reach or failing, or an answer that
            is no weather; a file that was there is as it was.
    """
    begin = _begin(month, stations, today or datetime.now(UTC).date())
    end = next_month(begin)
    parts = []
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
        for station in stations:
            asked = {
                "dataset": "global-hourly",
                "stations": STATIONS[station],
                "startDate": begin.isoformat(),
                # A New York day ends on the next day of UTC.
                "endDate": end.isoformat(),
                "dataTypes": _TYPES,
                "format": "csv",
            }
            answer = _get(client, base_url, asked, wait or wait_exponential_jitter(initial=1, max=30))
            local = pl.date("year", "month", "day")
            parts.append(weather_of(answer, station).filter((local >= begin) & (local < end)))
            if parts[-1].is_empty():
                raise HailstreamError(
                    f"NCEI has no hourly weather of {station} in {month}",
                    hint="observations appear some days after they were made; try another month or --station",
                )
    path = into / f"weather_{month}.csv"
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HailstreamError(f"{into}: {error.strerror}", hint="name another folder by --into") from None
    write_whole(path, pl.concat(parts).write_csv(null_value="NA"))
    return FetchedWeather(path, {station: part.height for station, part in zip(stations, parts, strict=True)})


def _begin(month: str, stations: Sequence[str], today: date) -> date:
    if unknown := [name for name in stations if name not in STATIONS]:
        raise HailstreamError(
            f"no station {', '.join(map(repr, unknown))}", hint=f"there are {', '.join(STATIONS)}", exit_code=2
        )
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise HailstreamError(f"{month!r} is no month", hint="write it as 2024-01", exit_code=2)
    begin = date.fromisoformat(f"{month}-01")
    if begin > today:
        raise HailstreamError(f"{month} is still to come", exit_code=2)
    return begin


def _get(client: httpx.Client, url: str, asked: dict[str, str], wait: Callable[[RetryCallState], float]) -> bytes:
    retry = retry_if_exception_type((_Retry, httpx.TransportError))
    try:
        return Retrying(retry=retry, stop=stop_after_attempt(ATTEMPTS), wait=wait, reraise=True)(
            _attempt, client, url, asked
        )
    except (httpx.TransportError, _Retry) as error:
        raise HailstreamError(
            f"{url}: {str(error) or type(error).__name__}", hint="check the network, and run it again"
        ) from None
    except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
        raise HailstreamError(f"{url}: {error}", hint="check --base-url") from None


def _attempt(client: httpx.Client, url: str, asked: dict[str, str]) -> bytes:
    response = client.get(url, params=asked)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.status_code >= 500:
        raise _Retry(f"the server answered {response.status_code}")
    if response.status_code != httpx.codes.OK:
        told = response.text.strip().splitlines()[0][:200] if response.text.strip() else ""
        raise HailstreamError(
            f"{url}: the server answered {response.status_code}{': ' if told else ''}{told}", hint="check --base-url"
        )
    return response.content
