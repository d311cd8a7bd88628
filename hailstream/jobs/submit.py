"""Submitting a job with ``flink run``, after the checks that keep its results right."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JobSpec, rivals
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.settings import Settings

_JOB_ID = re.compile(r"JobID ([0-9a-f]{32})")


def submit_job(spec: JobSpec, settings: Settings, *, savepoint: str | None = None, timeout: float = 180) -> str:
    """Run a job, detached.

    Args:
        spec: which job.
        settings: where and how.
        savepoint: URI of a savepoint or retained checkpoint to go on from.
        timeout: seconds that the client may take.

    Returns:
        Flink's job id.

    Raises:
        HailstreamError: a running job already writes to one of its sinks, the
            savepoint belongs to another definition, or Flink refused the job.
    """
    rest = FlinkRest(settings)
    for rival in rivals(spec, settings):
        running = rest.active_job(rival.title(settings))
        if running is not None:
            raise HailstreamError(
                f"job {rival.name} ({running.job_id}, {running.state}) already writes to what {spec.name} would "
                f"write in namespace {settings.namespace}",
                hint=f"`hailstream jobs stop {rival.name}` first, or use another HAILSTREAM_NAMESPACE",
            )
    done = subprocess.run(
        _command(spec, settings, savepoint), env=_environment(settings), capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    found = _JOB_ID.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise HailstreamError(f"flink run refused {spec.name}: {_reason(done.stdout + done.stderr)}")
    return found.group(1)


def _command(spec: JobSpec, settings: Settings, savepoint: str | None) -> list[str]:
    from hailstream.local.flink import client_command

    command = [*client_command(settings), "run", "--detached"]
    command += ["--jobmanager", settings.flink_address.split("://", 1)[-1]]
    command += ["-pyexec", sys.executable, "-pyclientexec", sys.executable]
    if savepoint is not None:
        command += ["--fromSavepoint", savepoint]
    command += ["--python", str(spec.file)]
    return command + (["--restoring"] if savepoint is not None else [])


def _environment(settings: Settings) -> dict[str, str]:
    from hailstream.local.flink import client_environment

    return dict(os.environ) | client_environment(settings) | settings.as_environment()


def _reason(output: str) -> str:
    """The lines of a failed client's output that say why."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("error:", "hint:"))]
    # Else the last line of a Python traceback, or Java's causes.
    raised = [
        line for line in lines if re.match(r"(?:: )?[\w.]*(Error|Exception): ", line) and "ProgramAbort" not in line
    ]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return "\n".join(told or list(dict.fromkeys(raised))[:2] + causes[:2] or lines[-5:])[:2000]
