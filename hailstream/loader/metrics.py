"""The loaders' metrics, in Prometheus' format on a port."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from hailstream.errors import HailstreamError
from hailstream.loader import metric_defs as defs
from hailstream.loader.held_up import PartitionState


class BulkHistogram(Collector):
    """A histogram that takes a column of values at once; the client's own takes one at a time."""

    def __init__(self, definition: defs.MetricDef, registry: CollectorRegistry) -> None:
        self._definition = definition
        self._edges = np.array(defs.LATENCY_BUCKETS)
        self._counts: dict[tuple[str, ...], npt.NDArray[np.int64]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, labels: tuple[str, ...], values: npt.NDArray[np.float64]) -> None:
        """Counts each value, in seconds."""
        places = np.searchsorted(self._edges, values, side="left")
        counts = np.bincount(places, minlength=len(self._edges) + 1)
        with self._lock:
            self._counts[labels] = self._counts.get(labels, np.zeros(len(self._edges) + 1, np.int64)) + counts
            self._sums[labels] = self._sums.get(labels, 0.0) + float(values.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._definition.name, self._definition.help, labels=self._definition.labels)
        bounds = [*(str(edge) for edge in self._edges), "+Inf"]
        with self._lock:
            for labels, counts in self._counts.items():
                cumulative = [float(n) for n in np.cumsum(counts)]
                family.add_metric(labels, list(zip(bounds, cumulative, strict=True)), self._sums[labels])
        yield family

    def describe(self) -> Iterable[HistogramMetricFamily]:
        return [HistogramMetricFamily(self._definition.name, self._definition.help, labels=self._definition.labels)]


class Metrics:
    """All metrics of the loaders in this process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.lag = self._gauge(defs.LAG)
        self.held_back = self._gauge(defs.HELD_BACK)
        self.rows = self._counter(defs.ROWS)
        self.batches = self._counter(defs.BATCHES)
        self.retries = self._counter(defs.RETRIES)
        self.rejected = self._counter(defs.REJECTED)
        self.sink_up = self._gauge(defs.SINK_UP)
        self.append_to_stored = BulkHistogram(defs.APPEND_TO_STORED, self.registry)
        self.event_to_stored = BulkHistogram(defs.EVENT_TO_STORED, self.registry)

    def positions(self, sink: str, states: Iterable[PartitionState]) -> None:
        """Sets lag and what is held back, by partition."""
        for state in states:
            labels = (sink, state.topic, str(state.partition))
            self.lag.labels(*labels).set(state.lag)
            self.held_back.labels(*labels).set(state.held_back)

    def serve(self, port: int, host: str = "127.0.0.1") -> Callable[[], None]:
        """Answers scrapes on ``http://host:port/metrics``; returns what stops it.

        Raises:
            HailstreamError: the port is taken, or the host is not of this machine.
        """
        try:
            server, thread = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise HailstreamError(
                    f"port {port} for metrics is taken",
                    hint="another loader may be running; choose a port with --metrics-port or HAILSTREAM_METRICS_PORT",
                ) from None
            raise HailstreamError(f"metrics cannot be served on {host}:{port}: {error}") from None

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop

    def _gauge(self, definition: defs.MetricDef) -> Gauge:
        return Gauge(definition.name, definition.help, definition.labels, registry=self.registry)

    def _counter(self, definition: defs.MetricDef) -> Counter:
        return Counter(definition.name, definition.help, definition.labels, registry=self.registry)
