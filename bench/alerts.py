"""Job anomalies with every rule, read from filled topics."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.figures import Figure, Target
from bench.flinkjobs import run_job

JOB = "anomalies"
# Rules remember drivers and fares: how much depends on how many there are at a
# time, so this city is one that could be.
PER_MINUTE = 5_000


def alerts(context: Context) -> Iterator[Figure]:
    """Every rule of alerts over readable events."""
    log = context.log(events=max(context.events // 3, 1), per_minute=PER_MINUTE)
    context.warm_up(lambda: run_job(context, log, JOB))
    yield run_job(context, log, JOB).figure("job anomalies", Target(40_000))
