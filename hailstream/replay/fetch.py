"""Download of TLC's official monthly files, resumed where it broke off and checked before it counts.

The file appears under its name only when it is whole: until then it is ``NAME.part``.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

from tenacity import RetryCallState, wait_exponential_jitter

from hailstream.errors import HailstreamError
from hailstream.replay.download import Download, Progress, version_file
from hailstream.replay.parquet import check_parquet

#: TLC's public address of trip records.
BASE_URL = "https://d37ci6vzurychx.cloudfront.net/trip-data"

#: First month published of each kind.
FIRST_MONTH = {"yellow": date(2009, 1, 1), "green": date(2013, 8, 1)}


@dataclass(frozen=True)
class Fetched:
    """A monthly file on disk.

    Attributes:
        path: the file, whole and readable.
        rows: number of trips in it.
        downloaded: bytes that came over the network this time; 0 when it was there already.
    """

    path: Path
    rows: int
    downloaded: int


def file_name(kind: str, month: str, *, today: date) -> str:
    """The official name of a month's file.

    Raises:
        HailstreamError: no such kind, no such month, or one that cannot have been published.
    """
    if kind not in FIRST_MONTH:
        more = "; files of for-hire vehicles are not supported yet" if kind.startswith("fhv") else ""
        raise HailstreamError(f"{kind!r} is no kind of trips{more}", hint="fetch yellow or green", exit_code=2)
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise HailstreamError(f"{month!r} is no month", hint="write it as 2024-01", exit_code=2)
    first = date.fromisoformat(f"{month}-01")
    if first < FIRST_MONTH[kind] or first > today:
        raise HailstreamError(
            f"there are no {kind} trips of {month}",
            hint=f"they begin in {FIRST_MONTH[kind]:%Y-%m}, and a month is published about two months after its end",
            exit_code=2,
        )
    return f"{kind}_tripdata_{month}.parquet"


def fetch(
    kind: str,
    month: str,
    into: Path,
    *,
    base_url: str = BASE_URL,
    force: bool = False,
    progress: Progress = lambda _done, _total: None,
    today: date | None = None,
    wait: Callable[[RetryCallState], float] | None = None,
) -> Fetched:
    """Get a month's file into a folder, or find it there.

    Args:
        force: download even when a whole file is there.
        wait: seconds before each further attempt, for tests; exponential otherwise.

    Raises:
        HailstreamError: month not published, server out of reach or failing, disk full, file
            damaged, or the same download is under way. What came so far is kept for next time.
    """
    name = file_name(kind, month, today=today or datetime.now(UTC).date())
    target = into / name
    if target.exists() and not force:
        return Fetched(target, check_parquet(target), 0)
    part = into / f"{name}.part"
    url = f"{base_url.rstrip('/')}/{name}"
    try:
        into.mkdir(parents=True, exist_ok=True)
        with _locked(part) as file:
            download = Download(url, file, part, progress)
            download.run(wait or wait_exponential_jitter(initial=1, max=30))
            rows = _checked(part)
            part.replace(target)
            version_file(part).unlink(missing_ok=True)
    except OSError as error:
        raise HailstreamError(f"{error.filename or into}: {error.strerror}", hint="free disk, or --into DIR") from None
    return Fetched(target, rows, download.received)


def _checked(part: Path) -> int:
    try:
        return check_parquet(part)
    except HailstreamError as error:
        part.unlink()
        version_file(part).unlink(missing_ok=True)
        raise HailstreamError(
            f"what came is no monthly file: {error.message}", hint="check --base-url, and run it again"
        ) from None


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    with part.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HailstreamError(f"{part}: is being downloaded by another process", hint="wait for it") from None
        yield file
