"""Waiting for a server that is away: with back-off, for ever, and said once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_when_event_set, wait_exponential_jitter

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 10.0


class Stopped(Exception):
    """The loader was asked to stop while it waited; what it was doing is not done."""


class Patience:
    """Repeats an action until it succeeds.

    Says once that it waits and once that it goes on, however often it tries.

    Args:
        stop: ends the waiting.
        sleep: waits up to so many seconds, less when ``stop`` is set; the place
            to keep a connection alive meanwhile.
        on_retry: called before each repetition.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        stop: Event,
        *,
        sleep: Callable[[float], None] | None = None,
        on_retry: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stop = stop
        self._sleep = sleep or (lambda seconds: void(stop.wait(seconds)))
        self._on_retry = on_retry
        self._clock = clock

    def until_done(self, action: Callable[[], T], *waitable: type[Exception]) -> T:
        """The result of ``action``, repeated as long as it raises one of ``waitable``.

        Raises:
            Stopped: the stop event was set before it succeeded.
        """
        since: float | None = None

        def before_sleep(state: RetryCallState) -> None:
            nonlocal since
            error = state.outcome.exception() if state.outcome else None
            if since is None:
                since = self._clock()
                log.warning("%s; waiting for it, nothing is lost", error)
            else:
                log.debug("still waiting: %s", error)
            self._on_retry()

        retrying = Retrying(
            retry=retry_if_exception_type(waitable),
            wait=wait_exponential_jitter(multiplier=FIRST_SECONDS, max=LONGEST_SECONDS, jitter=FIRST_SECONDS),
            stop=stop_when_event_set(self._stop),
            sleep=self._sleep,
            before_sleep=before_sleep,
            retry_error_callback=_stopped,
        )
        result = retrying(action)
        if since is not None:
            log.warning("it is back after %.1f s; going on", self._clock() - since)
        return result


def void(_: object) -> None:
    """Nothing, where a callable must return nothing."""


def _stopped(state: RetryCallState) -> None:
    raise Stopped from state.outcome.exception() if state.outcome else None
