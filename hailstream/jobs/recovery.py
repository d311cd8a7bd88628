"""Bringing back jobs that their cluster has forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JobSpec
from hailstream.jobs.checkpoints import newest_checkpoint
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import require_no_rival, submit_job
from hailstream.settings import Settings

LOOK_SECONDS = 1.0


def recover_job(spec: JobSpec, settings: Settings) -> tuple[str, str]:
    """Start a job from the newest checkpoint that its last run left.

    What it had written after that checkpoint was never committed and is
    aborted as it starts, so results go on exactly where readers saw them end.

    Returns:
        Flink's job id, and the checkpoint's URI.

    Raises:
        HailstreamError: no checkpoint is kept, the job or a twin of it runs, or Flink refused it.
    """
    require_no_rival(spec, settings)
    checkpoint = newest_checkpoint(spec, settings)
    checkpoint.clear_older()
    uri = checkpoint.path.as_uri()
    return submit_job(spec, settings, savepoint=uri, run=checkpoint.run.as_uri()), uri


class Keeper:
    """Recovers jobs that the cluster no longer knows: its JobManager died and came back empty.

    A job that ended while the cluster watched (stopped, cancelled, failed for
    good) ended because somebody wanted it, or needs somebody: it is left alone.

    Args:
        specs: the jobs to keep.
        say: told what happens, a line each.
        recover: how; returns job id and checkpoint.

    Raises:
        HailstreamError: the cluster recovers its jobs itself: both would.
    """

    def __init__(
        self,
        specs: Sequence[JobSpec],
        settings: Settings,
        say: Callable[[str], None],
        *,
        rest: FlinkRest | None = None,
        recover: Callable[[JobSpec, Settings], tuple[str, str]] = recover_job,
    ) -> None:
        if settings.flink_ha != "none":
            raise HailstreamError(
                f"with HAILSTREAM_FLINK_HA={settings.flink_ha} the cluster brings its jobs back by itself",
                hint="there is nothing to keep; `hailstream jobs list` shows them",
            )
        self._specs = specs
        self._settings = settings
        self._rest = rest or FlinkRest(settings)
        self._recover = recover
        self._say = say
        self._said: dict[str, str] = {}
        self._ended: set[str] = set()

    def run(self, stop: Event) -> None:
        """Look every second until ``stop`` is set."""
        while not stop.is_set():
            self.look()
            stop.wait(LOOK_SECONDS)

    def look(self) -> None:
        """One look at the cluster; lost jobs are recovered side by side, each submission having its own process."""
        try:
            known = self._rest.jobs()
        except HailstreamError as error:
            self._tell("cluster", error.message)
            return
        self._tell("cluster", "")
        lost = []
        for spec in self._specs:
            runs = [job for job in known if job.name == spec.title(self._settings)]
            if any(job.is_active for job in runs):
                self._ended.discard(spec.name)
            elif runs:
                self._ended.add(spec.name)
                self._tell(spec.name, f"{spec.name} is {runs[0].state} and left so")
            elif spec.name not in self._ended:
                lost.append(spec)
        if lost:
            with ThreadPoolExecutor(len(lost)) as pool:
                list(pool.map(self._bring_back, lost))

    def _bring_back(self, spec: JobSpec) -> None:
        try:
            job_id, checkpoint = self._recover(spec, self._settings)
        except HailstreamError as error:
            self._tell(spec.name, f"{spec.name} is not recovered yet: {error.message}")
        else:
            self._tell(spec.name, f"{spec.name} goes on as {job_id} from {checkpoint}")

    def _tell(self, about: str, what: str) -> None:
        """Say it unless it was the last thing said about this."""
        if self._said.get(about, "") != what:
            self._said[about] = what
            if what:
                self._say(what)
