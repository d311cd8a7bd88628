"""The jobs there are, and what each of them writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import hailstream
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import (
    ALERTS,
    DRIVER_RISK,
    TRIPS,
    TRIPS_ENDED,
    TRIPS_STARTED,
    ZONE_COUNTS,
    ZONE_FORECAST,
    ZONE_REVENUE,
    ZONE_SURGE,
    Topic,
)


@dataclass(frozen=True)
class JobSpec:
    """A job file: the event topics it reads and the metric topics only one job may write."""

    name: str
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]

    @property
    def file(self) -> Path:
        return Path(hailstream.__file__).resolve().parents[1] / "flink_jobs" / f"{self.name}.py"

    def title(self, settings: Settings) -> str:
        """The name Flink shows, by which a running job is found."""
        return f"hailstream.{settings.namespace}.{self.name}"


JOBS = {
    spec.name: spec
    for spec in (
        JobSpec("zone_counts", (TRIPS_STARTED,), (ZONE_COUNTS,)),
        JobSpec("revenue", (TRIPS_ENDED,), (ZONE_REVENUE,)),
        JobSpec("anomalies", (TRIPS_STARTED, TRIPS_ENDED), (ALERTS, DRIVER_RISK)),
        JobSpec("trips", (TRIPS_ENDED,), (TRIPS,)),
        JobSpec("surge", (TRIPS_STARTED, TRIPS_ENDED), (ZONE_SURGE,)),
        JobSpec("forecast", (TRIPS_STARTED, TRIPS_ENDED), (ZONE_FORECAST,)),
        JobSpec("city", (TRIPS_STARTED, TRIPS_ENDED), (ZONE_COUNTS, ZONE_REVENUE)),
    )
}


def find_job(name: str) -> JobSpec:
    """The job of that name.

    Raises:
        HailstreamError: there is none.
    """
    if name not in JOBS:
        raise HailstreamError(f"no job {name!r}", hint=f"the jobs are: {', '.join(JOBS)}", exit_code=2)
    return JOBS[name]


def rivals(spec: JobSpec) -> list[JobSpec]:
    """Jobs that write a topic which ``spec`` writes, itself included."""
    return [other for other in JOBS.values() if set(other.writes) & set(spec.writes)]
