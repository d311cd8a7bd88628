"""One file over HTTP, resumed where it broke off.

Beside the part lies ``PART.version``: the version of the file that the part
belongs to, so that parts of two versions are never joined.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from hailstream.errors import HailstreamError

#: Attempts in a row that may bring nothing before it gives up.
ATTEMPTS = 6
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)

#: Told (bytes so far, bytes in all or None).
Progress = Callable[[int, int | None], None]


class _Retry(Exception):
    """The transfer broke in a way that another attempt may mend."""


class Download:
    """One download into a part file, over as many attempts as it takes.

    Args:
        url: of the file.
        file: the part, opened for reading and appending.
        part: its path.
        progress: told after every chunk.
    """

    def __init__(self, url: str, file: BinaryIO, part: Path, progress: Progress) -> None:
        self._url = url
        self._file = file
        self._version = version_file(part)
        self._progress = progress
        self.received = 0

    def run(self, wait: Callable[[RetryCallState], float]) -> None:
        """Bring the part up to the whole file.

        Raises:
            HailstreamError: not published, or ``ATTEMPTS`` attempts in a row brought nothing.
        """
        retry = retry_if_exception_type((_Retry, httpx.TransportError))
        headers = {"Accept-Encoding": "identity"}
        try:
            with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, headers=headers) as client:
                Retrying(retry=retry, stop=self._stop_when_stuck(), wait=wait, reraise=True)(self._attempt, client)
        except (httpx.TransportError, _Retry) as error:
            raise HailstreamError(
                f"{self._url}: {str(error) or type(error).__name__}",
                hint="check the network, or name a mirror by --base-url; run again, it goes on where it stopped",
            ) from None
        except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise HailstreamError(f"{self._url}: {error}", hint="check --base-url") from None
        self._file.flush()
        os.fsync(self._file.fileno())

    def _stop_when_stuck(self) -> Callable[[RetryCallState], bool]:
        before, in_vain = self.received, 0

        def stop(_state: RetryCallState) -> bool:
            nonlocal before, in_vain
            in_vain = in_vain + 1 if self.received == before else 0
            before = self.received
            return in_vain >= ATTEMPTS

        return stop

    def _attempt(self, client: httpx.Client) -> None:
        have = self._file.seek(0, os.SEEK_END)
        version = self._version.read_text() if have and self._version.exists() else ""
        headers = {"Range": f"bytes={have}-", "If-Range": version} if version else {}
        with client.stream("GET", self._url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                if _total(response) == have:
                    return
                self._restart()
                raise _Retry("the server has another version than the part that is here")
            _raise_for_status(response, self._url)
            if response.status_code == httpx.codes.OK:
                # The first attempt, a server without ranges, or a new version of the file.
                self._restart()
                self._version.write_text(_version_of(response))
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                self._restart()
                raise _Retry("the server sent another range than asked for")
            self._take(response)

    def _take(self, response: httpx.Response) -> None:
        total = _total(response)
        # As they come: gathered into larger chunks, the last one would be lost when the connection breaks.
        for chunk in response.iter_raw():
            self._file.write(chunk)
            self.received += len(chunk)
            self._progress(self._file.tell(), total)
        size = self._file.tell()
        if total is not None and size != total:
            if size > total:
                self._restart()
            raise _Retry(f"{size} of {total} bytes came")

    def _restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()


def _raise_for_status(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise HailstreamError(
            f"{url}: not there ({status})",
            hint="the month is not published (yet): it takes about two months; or check --base-url",
        )
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
        raise _Retry(f"the server answered {status}")
    if status not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        raise HailstreamError(f"{url}: the server answered {status}", hint="check --base-url")


def _total(response: httpx.Response) -> int | None:
    """Size of the whole file by what the server says."""
    match = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    if match:
        return int(match[1])
    length = response.headers.get("Content-Length", "")
    return int(length) if response.status_code == httpx.codes.OK and length.isdigit() else None


def version_file(part: Path) -> Path:
    """Where the version of ``part`` is kept."""
    return part.with_name(f"{part.name}.version")


def _version_of(response: httpx.Response) -> str:
    """What If-Range may compare: a strong ETag, else the date; a weak ETag does not vouch for bytes."""
    etag = str(response.headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(response.headers.get("Last-Modified", ""))
