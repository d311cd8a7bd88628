"""The metrics as Prometheus sees them."""

from __future__ import annotations

import socket
import urllib.request

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from hailstream.errors import HailstreamError
from hailstream.loader import metric_defs as defs
from hailstream.loader.held_up import PartitionState
from hailstream.loader.metrics import BulkHistogram, Metrics


def test_a_column_of_values_is_counted_as_the_client_counts_them_one_by_one() -> None:
    values = np.array([0.0, 0.005, 0.0051, 0.3, 1.0, 59.9, 1e9, -0.2])
    bulk, single = CollectorRegistry(), CollectorRegistry()
    BulkHistogram(defs.APPEND_TO_STORED, bulk).observe(("redis_now", "t"), values)
    histogram = Histogram(
        defs.APPEND_TO_STORED.name,
        "h",
        defs.APPEND_TO_STORED.labels,
        buckets=defs.LATENCY_BUCKETS,
        registry=single,
    ).labels("redis_now", "t")
    for value in values:
        histogram.observe(value)

    def buckets(registry: CollectorRegistry) -> list[str]:
        return [
            line for line in generate_latest(registry).decode().splitlines() if "_bucket{" in line or "_count{" in line
        ]

    # The client sorts labels, ours have the same order.
    assert [line.split("} ")[1] for line in buckets(bulk)] == [line.split("} ")[1] for line in buckets(single)]
    assert next(line for line in buckets(bulk) if 'le="0.005"' in line).endswith(" 3.0")


def test_every_defined_metric_can_be_scraped() -> None:
    metrics = Metrics()
    metrics.positions("clickhouse", [PartitionState("t", 3, 5, 8, 10)])
    metrics.rows.labels("clickhouse", "t").inc(4)
    metrics.append_to_stored.observe(("clickhouse", "t"), np.array([0.1]))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = metrics.serve(port)
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    finally:
        stop()
    for definition in defs.ALL:
        assert f"# HELP {definition.name}" in text
    assert 'hailstream_loader_lag_messages{partition="3",sink="clickhouse",topic="t"} 3.0' in text
    assert 'hailstream_loader_held_back_messages{partition="3",sink="clickhouse",topic="t"} 2.0' in text


def test_a_taken_port_is_an_error_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(HailstreamError, match=str(port)) as raised:
            Metrics().serve(port)
    assert "--metrics-port" in raised.value.hint
