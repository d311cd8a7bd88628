"""When values were written to Redis, by the server's own clock."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

from hailstream.settings import LOOPBACK, Settings

# As MONITOR shows the loader's script call: metric and zone, then the rank,
# which is the window's end with a bias and the version.
_WRITE = re.compile(rb'"(counts|revenue) (\d+)" "(\d{19})\d{20}"')
_BIAS = 2**62
SECONDS = 2.0

#: Metric, zone, end of the window (ms).
Value = tuple[str, int, int]


def writes(line: bytes) -> Iterator[tuple[Value, float]]:
    """The values that a line of MONITOR's output shows being written, and when (seconds since 1970)."""
    if line.startswith(b"+") and b'] "EVALSHA"' in line:
        moment = float(line[1 : line.index(b" ")])
        for metric, zone, rank in _WRITE.findall(line):
            yield (metric.decode(), int(zone), int(rank) - _BIAS), moment


class RedisWrites:
    """Listens to MONITOR in a thread; a context manager.

    Attributes:
        first: when each value was written first.
    """

    def __init__(self, settings: Settings) -> None:
        self._socket = socket.create_connection((LOOPBACK, settings.redis_port), timeout=SECONDS)
        self._thread = threading.Thread(target=self._listen, name="redis monitor", daemon=True)
        self._stop = threading.Event()
        self.first: dict[Value, float] = {}

    def __enter__(self) -> RedisWrites:
        self._socket.sendall(b"MONITOR\r\n")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        pending = b""
        while not self._stop.is_set():
            try:
                received = self._socket.recv(1 << 20)
            except TimeoutError:
                continue
            if not received:
                return
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                for value, moment in writes(line):
                    self.first.setdefault(value, moment)
