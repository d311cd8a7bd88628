"""Whether the job's state stays as large as a minute, however long the log is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx

from bench.context import Context
from bench.eventlog import Faults, fill
from bench.figures import Figure, Target
from bench.flinkjobs import CITY
from bench.offsets import committed, forget
from bench.steady import watch
from bench.trickle import Trickle
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.local.topics_admin import delete_topics
from hailstream.topics import RESULT_TOPICS

MONTH_SECONDS = 30 * 24 * 3600
#: State that grows with time would be four times as large in the last quarter as in the first.
FLAT = 1.5


def state(context: Context) -> Iterator[Figure]:
    """Size of the checkpoints while a month of events is read at full speed."""
    context.say(f"filling topics with a month of {context.events:,} events")
    density = context.events / MONTH_SECONDS
    log = fill(context.settings, context.events, Faults.READABLE, density=density, name="month")
    settings = log.settings
    group = settings.consumer_group(CITY)
    forget(settings, group)
    delete_topics(settings, RESULT_TOPICS)
    rest, ask = FlinkRest(settings), committed(settings, group)
    sizes: dict[int, tuple[int, int]] = {}
    with httpx.Client(base_url=settings.flink_address, timeout=30) as client:
        job_id = submit_job(find_job(CITY, settings), settings)

        def done() -> int:
            count = ask()
            for checkpoint in _completed(client, job_id):
                sizes.setdefault(checkpoint["id"], (count, checkpoint["state_size"]))
            return count

        def check() -> None:
            if rest.state(job_id) == "FAILED":
                raise HailstreamError(f"job {CITY} failed: {rest.exceptions(job_id)[:600]}")

        try:
            with Trickle(settings, log.last):
                watch(done, log.total, clock=time.monotonic, sleep=time.sleep, check=check, every=0.5)
        finally:
            rest.cancel_if_active(job_id)
            delete_topics(settings)
    yield from figures([size for size in sizes.values() if 0 < size[0] < log.total], log.total)


def figures(checkpoints: list[tuple[int, int]], total: int) -> Iterator[Figure]:
    """Sizes by quarter of the log, and the last quarter against the first.

    Args:
        checkpoints: records read before each, and its size in bytes.

    Raises:
        HailstreamError: a quarter has no checkpoint.
    """
    quarters: list[list[int]] = [[], [], [], []]
    for read, size in checkpoints:
        quarters[min(read * 4 // total, 3)].append(size)
    if not all(quarters):
        raise HailstreamError(
            "too few checkpoints to see whether state grows", hint="measure more events: --events 3000000"
        )
    for number, sizes in enumerate(quarters, 1):
        yield Figure(
            f"quarter {number} of the month", statistics.median(sizes) / 1024, "kB", note=f"{len(sizes)} checkpoints"
        )
    growth = statistics.median(quarters[3]) / statistics.median(quarters[0])
    yield Figure("last quarter over the first", growth, "times", target=Target(FLAT, at_most=True))


def _completed(client: httpx.Client, job_id: str) -> list[dict[str, Any]]:
    history = client.get(f"/jobs/{job_id}/checkpoints").raise_for_status().json().get("history", [])
    return [checkpoint for checkpoint in history if checkpoint["status"] == "COMPLETED"]
