"""Flink's REST API, as far as running, stopping and watching jobs needs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from hailstream.errors import HailstreamError
from hailstream.settings import Settings

# States in which a job holds its sinks.
ACTIVE_STATES = frozenset({"INITIALIZING", "CREATED", "RUNNING", "FAILING", "CANCELLING", "RESTARTING", "RECONCILING"})


@dataclass(frozen=True)
class Job:
    """A job as the cluster lists it. ``started_ms``: epoch milliseconds."""

    job_id: str
    name: str
    state: str
    started_ms: int

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES


class FlinkRest:
    """A Flink cluster behind its REST address.

    Every method raises HailstreamError when the cluster is away or refuses.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._address = settings.flink_address
        self._client = httpx.Client(base_url=self._address, timeout=30, transport=transport)
        self._clock = clock
        self._sleep = sleep

    def jobs(self) -> list[Job]:
        """All jobs the cluster remembers, newest first."""
        found = self._call("GET", "/jobs/overview")["jobs"]
        jobs = [Job(j["jid"], j["name"], j["state"], j["start-time"]) for j in found]
        return sorted(jobs, key=lambda job: job.started_ms, reverse=True)

    def active_job(self, name: str) -> Job | None:
        """The job of that name that holds its sinks now."""
        return next((job for job in self.jobs() if job.name == name and job.is_active), None)

    def wait_until_running(self, job_id: str) -> None:
        """Wait until every task of the job runs: before that Flink takes no savepoint."""

        def all_run() -> bool:
            job = self._call("GET", f"/jobs/{job_id}")
            return job["state"] not in ACTIVE_STATES or all(v["status"] == "RUNNING" for v in job["vertices"])

        self.wait_for(all_run, 180, f"all tasks of job {job_id} to run")

    def savepoint(self, job_id: str, directory: str) -> str:
        """Take a savepoint below ``directory``; the job goes on. Returns its URI."""
        return self._trigger(f"/jobs/{job_id}/savepoints", {"target-directory": directory}, job_id)

    def stop(self, job_id: str, directory: str, *, drain: bool) -> str:
        """Stop with a savepoint; results are committed. Returns the savepoint's URI.

        Args:
            job_id: of a running job.
            directory: URI below which the savepoint goes.
            drain: close all windows first; the job is then at its end, not paused.
        """
        return self._trigger(f"/jobs/{job_id}/stop", {"targetDirectory": directory, "drain": drain}, job_id)

    def cancel(self, job_id: str) -> None:
        """Cancel without a savepoint and wait until the job is gone."""
        self._call("PATCH", f"/jobs/{job_id}", params={"mode": "cancel"})
        self.wait_for(lambda: self.state(job_id) not in ACTIVE_STATES, 120, f"job {job_id} to be cancelled")

    def cancel_if_active(self, job_id: str) -> None:
        """Cancel a job unless it is over already."""
        if self.state(job_id) in ACTIVE_STATES:
            try:
                self.cancel(job_id)
            except HailstreamError:
                # It may have ended meanwhile, and Flink refuses to cancel that.
                if self.state(job_id) in ACTIVE_STATES:
                    raise

    def state(self, job_id: str) -> str:
        return str(self._call("GET", f"/jobs/{job_id}")["state"])

    def restarts(self, job_id: str) -> int:
        """How often the job failed since it was submitted; Flink remembers 16 times unless set otherwise."""
        # Not the metric numRestarts: Flink answers with what it had gathered up to ten seconds ago.
        history = self._call("GET", f"/jobs/{job_id}/exceptions")["exceptionHistory"]
        return len(history["entries"])

    def latest_checkpoint(self, job_id: str) -> str | None:
        """URI of the newest completed checkpoint that is retained."""
        latest = self._call("GET", f"/jobs/{job_id}/checkpoints").get("latest") or {}
        completed = latest.get("completed")
        return str(completed["external_path"]) if completed else None

    def restored_checkpoint(self, job_id: str) -> str | None:
        """URI of the checkpoint or savepoint that the job last went on from; None when it began from nothing."""
        latest = self._call("GET", f"/jobs/{job_id}/checkpoints").get("latest") or {}
        restored = latest.get("restored")
        return str(restored["external_path"]) if restored else None

    def vertex_metric(self, job_id: str, metric: str) -> float:
        """Sum of a metric over the subtasks of every vertex whose name for it ends so."""
        total = 0.0
        for vertex in self._call("GET", f"/jobs/{job_id}")["vertices"]:
            path = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/metrics"
            names = [m["id"] for m in self._call("GET", path) if m["id"].split(".")[-1] == metric]
            if names:
                values = self._call("GET", path, params={"get": ",".join(names), "agg": "sum"})
                total += sum(float(value["sum"]) for value in values)
        return total

    def exceptions(self, job_id: str) -> str:
        """The newest root exception of a job, or an empty text."""
        found = self._call("GET", f"/jobs/{job_id}/exceptions")
        entries = found.get("exceptionHistory", {}).get("entries", [])
        return str(entries[0].get("stacktrace", "")) if entries else ""

    def last_failure(self, job_id: str) -> str:
        """What first went wrong when a job failed last, on one line; empty if it never did."""
        lines = self.exceptions(job_id).splitlines()
        causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
        return (causes or lines or [""])[-1 if causes else 0].strip()

    def wait_for(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Poll until ``condition`` holds.

        Raises:
            HailstreamError: it does not within ``seconds``.
        """
        deadline = self._clock() + seconds
        while not condition():
            if self._clock() > deadline:
                raise HailstreamError(f"waited {seconds:.0f} s for {what}", hint="`hailstream logs taskmanager`")
            self._sleep(0.2)

    def _trigger(self, path: str, body: dict[str, Any], job_id: str) -> str:
        self.wait_until_running(job_id)
        request = self._call("POST", path, json=body)["request-id"]
        status: dict[str, Any] = {}

        def completed() -> bool:
            nonlocal status
            status = self._call("GET", f"/jobs/{job_id}/savepoints/{request}")
            return bool(status["status"]["id"] == "COMPLETED")

        self.wait_for(completed, 300, f"the savepoint of job {job_id}")
        operation = status["operation"]
        if "location" not in operation:
            cause = operation.get("failure-cause", {}).get("stack-trace", "no cause given")
            raise HailstreamError(
                f"Flink took no savepoint of job {job_id}: {cause.strip().splitlines()[0]}",
                hint="the job's log has more: `hailstream logs jobmanager`",
            )
        return str(operation["location"])

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise HailstreamError(
                f"Flink does not answer at {self._address}: {error}",
                hint="start it by `hailstream up`, or set HAILSTREAM_FLINK_URL",
            ) from None
        if response.is_error:
            raise HailstreamError(f"Flink answered {response.status_code} to {method} {path}: {response.text[:300]}")
        if method != "GET" and not response.content:
            return {}
        try:
            return response.json()
        except ValueError:
            # So it answers while it goes down.
            raise HailstreamError(
                f"Flink at {self._address} answered {method} {path} with nothing that can be read",
                hint="`hailstream status` shows whether it runs; ask again when it does",
            ) from None
