"""Processor time and memory of processes, by kind, while something else is measured."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

#: Running processes by kind, e.g. ``{"broker": [...]}``.
Processes = Mapping[str, list[psutil.Process]]

EVERY = 0.25  # seconds between two looks
LIST_EVERY = 2.0  # seconds between two listings of the processes


class Sampler:
    """Samples in a thread; a context manager.

    Args:
        processes: lists those to look at; asked again every two seconds.

    Attributes:
        peak: largest memory (resident set, bytes) of each kind so far.
    """

    def __init__(self, processes: Callable[[], Processes]) -> None:
        self._list = processes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._used: list[dict[str, float]] = []
        self._last: dict[tuple[str, int, float], float] = {}
        self.peak: dict[str, int] = {}

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def used(self, begin: float, end: float) -> dict[str, float]:
        """Processor seconds of each kind between two moments (``time.monotonic``)."""
        with self._lock:
            kinds = {kind for used in self._used for kind in used}
            return {kind: self._at(kind, end) - self._at(kind, begin) for kind in sorted(kinds)}

    def _at(self, kind: str, moment: float) -> float:
        """Used until the moment; between two samples as if evenly."""
        after = bisect_left(self._times, moment)
        if after == 0:
            return self._used[0].get(kind, 0.0)
        if after == len(self._times):
            return self._used[-1].get(kind, 0.0)
        low, high = self._used[after - 1].get(kind, 0.0), self._used[after].get(kind, 0.0)
        share = (moment - self._times[after - 1]) / (self._times[after] - self._times[after - 1])
        return low + (high - low) * share

    def _run(self) -> None:
        found: Processes = {}
        listed = -LIST_EVERY
        while not self._stop.is_set():
            if time.monotonic() - listed >= LIST_EVERY:
                listed, found = time.monotonic(), self._list()
            self._sample(found)
            self._stop.wait(EVERY)

    def _sample(self, found: Processes) -> None:
        now = time.monotonic()
        for kind, processes in found.items():
            memory = 0
            for process in processes:
                with suppress(psutil.Error):
                    with process.oneshot():
                        times, resident = process.cpu_times(), process.memory_info().rss
                        self._last[kind, process.pid, process.create_time()] = times.user + times.system
                    memory += resident
            self.peak[kind] = max(self.peak.get(kind, 0), memory)
        # What has ended keeps what it had used.
        used: dict[str, float] = {}
        for (kind, _, _), seconds in self._last.items():
            used[kind] = used.get(kind, 0.0) + seconds
        with self._lock:
            self._times.append(now)
            self._used.append(used)
