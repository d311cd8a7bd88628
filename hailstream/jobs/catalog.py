"""The jobs there are, and what each of them reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import hailstream
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.topics import (
    ALERTS,
    DRIVER_RISK,
    EVENT_TOPICS,
    OPPORTUNITIES,
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
    """A job file.

    Attributes:
        name: of the job and its file.
        reads: event topics.
        writes: result topics that only one job may write.
        folded: it has parts that are not SQL.
        interval: the setting that says how often it takes a checkpoint.
    """

    name: str
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]
    folded: bool = False
    interval: str = "checkpoint_interval"

    @property
    def file(self) -> Path:
        return Path(hailstream.__file__).resolve().parents[1] / "flink_jobs" / f"{self.name}.py"

    def title(self, settings: Settings) -> str:
        """See :func:`job_title`."""
        return job_title(self.name, settings)


def job_title(name: str, settings: Settings) -> str:
    """The name Flink shows, by which a running job is found."""
    return f"hailstream.{settings.namespace}.{name}"


#: Jobs that do one thing each.
PARTS = {
    spec.name: spec
    for spec in (
        JobSpec("zone_counts", (TRIPS_STARTED,), (ZONE_COUNTS,)),
        JobSpec("revenue", (TRIPS_ENDED,), (ZONE_REVENUE,)),
        JobSpec("trips", (TRIPS_ENDED,), (TRIPS,)),
        JobSpec("surge", EVENT_TOPICS, (ZONE_SURGE,), folded=True),
        JobSpec("anomalies", EVENT_TOPICS, (ALERTS, DRIVER_RISK), folded=True),
        JobSpec("forecast", EVENT_TOPICS, (ZONE_FORECAST,), folded=True),
        JobSpec("opportunities", (TRIPS_ENDED,), (OPPORTUNITIES,), folded=True),
    )
}
CITY = "city"
ARCHIVE = JobSpec("archive", EVENT_TOPICS, (), interval="archive_interval")
#: Jobs that are no part of the city: what they do has a pace of its own.
APART = {ARCHIVE.name: ARCHIVE}
JOBS = (*PARTS, CITY, *APART)


def city_parts(settings: Settings) -> tuple[JobSpec, ...]:
    """The jobs that job city is made of.

    Raises:
        HailstreamError: ``city_jobs`` names one that there is not, or none.
    """
    if settings.city_jobs == "all":
        return tuple(PARTS.values())
    names = [name.strip() for name in settings.city_jobs.split(",") if name.strip()]
    wrong = [name for name in names if name not in PARTS]
    if wrong or not names:
        raise HailstreamError(
            f"wrong setting: HAILSTREAM_CITY_JOBS: {settings.city_jobs!r} names no job {', '.join(wrong)}".rstrip(),
            hint=f"all, or some of {','.join(PARTS)}",
            exit_code=2,
        )
    return tuple(PARTS[name] for name in dict.fromkeys(names))


def find_job(name: str, settings: Settings) -> JobSpec:
    """The job of that name.

    Raises:
        HailstreamError: there is none.
    """
    if name == CITY:
        parts = city_parts(settings)
        reads = dict.fromkeys(topic for part in parts for topic in part.reads)
        writes = dict.fromkeys(topic for part in parts for topic in part.writes)
        return JobSpec(CITY, tuple(reads), tuple(writes), folded=any(part.folded for part in parts))
    spec = PARTS.get(name) or APART.get(name)
    if spec is None:
        raise HailstreamError(f"no job {name!r}", hint=f"the jobs are: {', '.join(JOBS)}", exit_code=2)
    return spec


def rivals(spec: JobSpec, settings: Settings) -> list[JobSpec]:
    """Jobs that write what ``spec`` writes, itself included."""
    every = (find_job(name, settings) for name in JOBS)
    return [other for other in every if other.name == spec.name or set(other.writes) & set(spec.writes)]
