"""The benchmarks there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.context import Context
from bench.figures import Figure


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: its name, what it says of itself, and one run of it.

    Attributes:
        once: long, and not noisy: run once whatever number of runs is asked for.
    """

    name: str
    title: str
    run: Callable[[Context], Iterator[Figure]]
    once: bool = False


def benchmarks() -> tuple[Benchmark, ...]:
    """All of them, in the order in which they run."""
    from bench.alert_ages import alert_ages
    from bench.backfill import backfill
    from bench.curate import curate
    from bench.folds import folds
    from bench.freshness import freshness
    from bench.loading import loader
    from bench.memory import memory
    from bench.producing import producer
    from bench.reconciling import reconciling
    from bench.state import state
    from bench.stream import bad_messages, stages, stream
    from bench.whole import whole

    return (
        Benchmark("stream", "Both metrics in one graph, beside others", stream),
        Benchmark("bad", "The same job over unreadable messages", bad_messages),
        Benchmark("stages", "The same job, cut off behind each stage", stages),
        Benchmark("whole", "Every job and every rule in one graph, and parts of it", whole),
        Benchmark("folds", "Each fold by itself, without Flink", folds),
        Benchmark("producer", "Replay into Kafka", producer),
        Benchmark("loader", "Result rows into ClickHouse", loader),
        Benchmark("freshness", "From the closing record's append to the value in Redis", freshness, once=True),
        Benchmark("alerts", "From the event that an alert needs to its message from Redis", alert_ages, once=True),
        Benchmark("state", "Checkpoints over a replayed month", state, once=True),
        Benchmark("reconcile", "A day recomputed, compared and corrected by Spark", reconciling, once=True),
        Benchmark("backfill", "A month of trips from its file into the archive, beside DuckDB", backfill, once=True),
        Benchmark("curate", "A month of trips to curated tables, beside DuckDB", curate, once=True),
        Benchmark("memory", "Memory of each process at full speed", memory, once=True),
    )
