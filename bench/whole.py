"""Job city with all of its parts: windows, trips, alerts, prices, forecasts, and each part beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.context import Context
from bench.figures import Figure, Target
from bench.flinkjobs import CITY, run_job
from hailstream.jobs.catalog import PARTS

# Rules remember drivers and fares: how much depends on how many there are at a
# time, so this city is one that could be.
PER_MINUTE = 5_000


def whole(context: Context) -> Iterator[Figure]:
    """Every job and every rule in one graph, over readable events."""
    log = context.log(events=max(context.events // 3, 1), per_minute=PER_MINUTE)

    def city(jobs: str) -> Iterator[Figure]:
        some = replace(log, settings=log.settings.model_copy(update={"city_jobs": jobs}))
        target = Target(40_000) if jobs == "all" else None
        yield run_job(context, some, CITY).figure(f"job city of {jobs}", target)

    context.warm_up(lambda: run_job(context, log, CITY))
    for jobs in ("all", "zone_counts,revenue", *(name for name in PARTS if name not in ("zone_counts", "revenue"))):
        yield from city(jobs)
