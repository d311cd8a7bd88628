"""Submitting a job with ``flink run``, after the checks that keep its results right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JobSpec, rivals
from hailstream.jobs.checkpoints import new_run
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.settings import Settings

_JOB_ID = re.compile(r"JobID ([0-9a-f]{32})")


def submit_job(
    spec: JobSpec,
    settings: Settings,
    *,
    savepoint: str | None = None,
    run: str | None = None,
    timeout: float = 180,
) -> str:
    """Run a job, detached.

    Args:
        spec: which job.
        settings: where and how.
        savepoint: URI of a savepoint or retained checkpoint to go on from.
        run: URI of the checkpoints' folder of a run that goes on from one of them,
            which Flink then owns and clears away; None: a new run.
        timeout: seconds that the client may take.

    Returns:
        Flink's job id.

    Raises:
        HailstreamError: a running job already writes to one of its sinks, the
            savepoint belongs to another definition, or Flink refused the job or did not answer in time.
    """
    require_no_rival(spec, settings)
    folder = run or new_run(spec, settings, datetime.now(UTC))
    command = _command(spec, settings, savepoint, claimed=run is not None)
    environment = _environment(settings.model_copy(update={"checkpoint_dir": folder}))
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise HailstreamError(
            f"flink run took more than {timeout:.0f} s to submit {spec.name}",
            hint="`hailstream jobs list` shows whether the cluster has it",
        ) from None
    found = _JOB_ID.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise HailstreamError(f"flink run refused {spec.name}: {_reason(done.stdout + done.stderr)}")
    return found.group(1)


def require_no_rival(spec: JobSpec, settings: Settings) -> None:
    """Do nothing when no running job writes to a sink of this one.

    Raises:
        HailstreamError: one does, names it; or the cluster is away.
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


def _command(spec: JobSpec, settings: Settings, savepoint: str | None, *, claimed: bool) -> list[str]:
    from hailstream.local.flink import client_command

    command = [*client_command(settings), "run", "--detached"]
    command += ["--jobmanager", settings.flink_address.split("://", 1)[-1]]
    command += ["-pyexec", sys.executable, "-pyclientexec", sys.executable]
    if savepoint is not None:
        command += ["--fromSavepoint", savepoint, *(["--claimMode", "CLAIM"] if claimed else [])]
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
    # The last cause is the first that happened.
    causes = list(dict.fromkeys(line for line in lines if line.startswith("Caused by:")))
    return "\n".join(told or list(dict.fromkeys(raised))[:2] + causes[:1] + causes[1:][-2:] or lines[-5:])[:2000]
