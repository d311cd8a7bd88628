"""Every metric of the loaders, and what to do when it rises.

All carry the label ``sink``: clickhouse, redis_now, redis_surge, redis_alerts, redis_series or redis_risk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Buckets of the latency histograms, in seconds.
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)


@dataclass(frozen=True)
class MetricDef:
    """A metric's name (without the suffix that Prometheus adds to counters), kind, labels and help."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


# Rises for good: the sink is slower than the jobs, or away (see retries and
# sink_up). Add a second loader to the group, or raise HAILSTREAM_LOAD_BATCH_ROWS.
LAG = MetricDef(
    "hailstream_loader_lag_messages", "gauge", ("sink", "topic", "partition"), "Readable messages not loaded yet."
)
# Above 0 for longer than a checkpoint: a transaction is open and holds readers
# up. Look for a job that hangs in its checkpoint or was killed for good.
HELD_BACK = MetricDef(
    "hailstream_loader_held_back_messages",
    "gauge",
    ("sink", "topic", "partition"),
    "Messages behind an open transaction.",
)
# Its rate falls to 0 while lag is above 0: see sink_up, then the loader's log.
ROWS = MetricDef("hailstream_loader_rows", "counter", ("sink", "topic"), "Rows that the sink acknowledged.")
# Far more than one a second for ClickHouse: batches are cut too small for
# MergeTree; raise HAILSTREAM_LOAD_BATCH_SECONDS.
BATCHES = MetricDef("hailstream_loader_batches", "counter", ("sink", "topic"), "Writes that the sink acknowledged.")
# Rises: the sink, Kafka or the registry is away or overloaded; the log says which.
RETRIES = MetricDef("hailstream_loader_retries", "counter", ("sink",), "Attempts repeated because a server was away.")
# Rises at all: look at the table load_rejected, column reason. Usually a schema
# that this version does not know, or a job that computes nonsense.
REJECTED = MetricDef(
    "hailstream_loader_rejected_rows", "counter", ("sink", "topic"), "Messages sent to load.rejected.v1."
)
# Falls to 0: the sink cannot be reached; nothing is lost, it is tried again.
SINK_UP = MetricDef(
    "hailstream_loader_sink_up", "gauge", ("sink",), "1 when the last write succeeded, 0 while waiting."
)
# Rises: what people see is older than it should be. For ClickHouse about the
# batch time is normal; else compare with lag. Counts from the job's send.
APPEND_TO_STORED = MetricDef(
    "hailstream_loader_append_to_stored_seconds",
    "histogram",
    ("sink", "topic"),
    "From the result message's timestamp to its acknowledged write.",
)
# Rises while append_to_stored does not: the jobs are late, or their events are
# (a partition without events holds the watermark). Without meaning in a replay
# of history, where it is the age of history.
EVENT_TO_STORED = MetricDef(
    "hailstream_loader_event_to_stored_seconds",
    "histogram",
    ("sink", "topic"),
    "From the window's end, or the event, to its acknowledged write.",
)
ALL = (LAG, HELD_BACK, ROWS, BATCHES, RETRIES, REJECTED, SINK_UP, APPEND_TO_STORED, EVENT_TO_STORED)
