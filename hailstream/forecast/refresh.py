"""Learning again and again while the city goes on."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final, Protocol

from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.learn import learn
from hailstream.domain.forecast.profile import Profile
from hailstream.errors import HailstreamError

log = logging.getLogger(__name__)

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Stop(Protocol):
    """What ends the learning; a ``threading.Event`` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool:
        """Return when it is set, or after so many seconds; whether it is set."""


class Learning:
    """Learns from what ``read`` gives and hands it to ``publish``, unless nothing has changed since."""

    def __init__(self, read: Callable[[], History], publish: Callable[[Profile], None]) -> None:
        self._read = read
        self._publish = publish
        self._published: str | None = None

    def once(self) -> str:
        """What was done, for people.

        Raises:
            HailstreamError: no history, too short a one, or it could not be published.
        """
        profile = learn(self._read())
        revision = next(iter(profile)).revision
        if revision == self._published:
            return f"nothing new since {revision}"
        self._publish(profile)
        self._published = revision
        return f"{len(profile)} zones learned, revision {revision}"

    def every(
        self, seconds: float, stop: Stop, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Learn now and then each ``seconds``, until ``stop``. What fails is logged and tried again the next time.

        Args:
            clock: monotonic seconds.
        """
        due = clock()
        while not stop.is_set():
            try:
                say(self.once())
            except HailstreamError as error:
                log.warning("not learned, trying again in %g s: %s", seconds, error.message)
            # By the clock, so that the time it takes does not add up; what was missed is not made up for.
            due = max(due + seconds, clock())
            stop.wait(due - clock())


def parse_every(text: str) -> float:
    """Seconds of ``90s``, ``30m``, ``1h`` or ``1d``.

    Raises:
        HailstreamError: it is no such text, or less than a second.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds < 1:
        raise HailstreamError(f"--every {text}: not a time between learnings", hint="e.g. 30m, 1h, 1d", exit_code=2)
    return seconds
