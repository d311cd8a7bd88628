"""Several loaders in one process, which live and end together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from hailstream.loader.contract import Sink
from hailstream.loader.loop import run_loader
from hailstream.loader.metrics import Metrics
from hailstream.settings import Settings

SinkFactory = Callable[[Settings], Sink]


def run_loaders(
    settings: Settings,
    factories: Sequence[SinkFactory],
    stop: threading.Event,
    *,
    until_idle: float | None = None,
    metrics: Metrics | None = None,
) -> None:
    """Runs a loader for each sink until ``stop``, or until each had nothing to do for ``until_idle`` seconds.

    Raises:
        HailstreamError: one of them cannot go on; the others finish their batches first.
    """
    shared = metrics or Metrics()
    failures: list[BaseException] = []

    def run(factory: SinkFactory) -> None:
        try:
            run_loader(settings, factory(settings), stop, until_idle=until_idle, metrics=shared)
        except BaseException as error:  # of a thread: raised again where it is seen
            failures.append(error)
            stop.set()

    threads = [threading.Thread(target=run, args=(factory,), name=f"loader-{n}") for n, factory in enumerate(factories)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
