"""Flink jobs, run over a filled log and watched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.context import Context
from bench.eventlog import EventLog
from bench.figures import Figure, Target
from bench.offsets import committed, forget
from bench.sampler import Sampler
from bench.steady import Span, steady, watch
from bench.trickle import Trickle
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.local.flink import client_command, client_environment
from hailstream.local.topics_admin import delete_topics
from hailstream.settings import Settings
from hailstream.topics import RESULT_TOPICS

CITY = "city"
_JOB_ID = re.compile(r"JobID ([0-9a-f]{32})")
_SUBMIT_SECONDS = 180


@dataclass(frozen=True)
class JobRun:
    """A job that has read a whole log.

    Attributes:
        span: steady work, in records.
        cpu: processor microseconds per record, by kind of process.
        restarts: of the job.
    """

    span: Span
    cpu: dict[str, float]
    restarts: int

    def figure(self, case: str, target: Target | None = None, note: str = "") -> Figure:
        """Its rate."""
        restarts = f"{self.restarts} restarts" if self.restarts else ""
        note = "; ".join(filter(None, (note, restarts)))
        return Figure(case, self.span.rate, "events/s", sum(self.cpu.values()), self.cpu, target, note)


def run_city(context: Context, log: EventLog) -> JobRun:
    """Job city over the log."""
    return run_job(context, log, CITY)


def run_job(context: Context, log: EventLog, name: str) -> JobRun:
    """A real job over the log, from submission until everything is committed."""
    return _run(context, log, name, lambda: submit_job(find_job(name, log.settings), log.settings))


def run_file(context: Context, log: EventLog, file: Path, name: str, *arguments: str) -> JobRun:
    """A job file of the benchmarks, whose consumer group has the job's name."""
    return _run(context, log, name, lambda: submit_file(file, log.settings, *arguments))


def submit_file(file: Path, settings: Settings, *arguments: str) -> str:
    """Submit a job file, detached; the job's id.

    Raises:
        HailstreamError: Flink refused it.
    """
    command = [*client_command(settings), "run", "--detached"]
    command += ["--jobmanager", settings.flink_address.split("://", 1)[-1]]
    command += ["-pyexec", sys.executable, "-pyclientexec", sys.executable, "--python", str(file), *arguments]
    environment = dict(os.environ) | client_environment(settings) | settings.as_environment()
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_SUBMIT_SECONDS, check=False
    )
    found = _JOB_ID.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise HailstreamError(f"flink run refused {file.name}: {reason_of(done.stdout + done.stderr)}")
    return found.group(1)


def reason_of(output: str) -> str:
    """The lines of a log that name an error, each once."""
    lines = [line.strip() for line in output.splitlines() if re.search(r"(Error|Exception): |^Caused by", line)]
    return "; ".join(dict.fromkeys(lines or output.splitlines()[-5:]))[:1500]


def _run(context: Context, log: EventLog, name: str, submit: Callable[[], str]) -> JobRun:
    settings = log.settings
    group = settings.consumer_group(name)
    delete_topics(settings, RESULT_TOPICS)
    forget(settings, group)
    rest = FlinkRest(settings)
    job_id = submit()

    def check() -> None:
        state = rest.state(job_id)
        if state in ("FAILED", "CANCELED", "FINISHED"):
            raise HailstreamError(f"job {name} is {state}: {rest.exceptions(job_id)[:800]}")

    try:
        with Trickle(settings, log.last):
            looks = watch(committed(settings, group), log.total, clock=time.monotonic, sleep=time.sleep, check=check)
        restarts = rest.restarts(job_id)
    finally:
        rest.cancel_if_active(job_id)
        delete_topics(settings, RESULT_TOPICS)
    span = steady(looks, log.total)
    return JobRun(span, cpu_of(context.sampler, span), restarts)


def cpu_of(sampler: Sampler, span: Span) -> dict[str, float]:
    """Processor microseconds per record that each kind of process took in the span."""
    used = sampler.used(span.begin.at, span.end.at)
    return {kind: seconds / span.done * 1e6 for kind, seconds in used.items() if seconds > 0}
