"""The demo's job and loaders: started, watched, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import find_job
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.lifecycle import savepoint_dir
from hailstream.jobs.progress import records_unread
from hailstream.jobs.submit import submit_job
from hailstream.local.ports import free_port
from hailstream.local.processes import MARK
from hailstream.settings import Settings

JOB = "city"
LOADERS = ("clickhouse", "redis")
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.3


class Pipeline:
    """One job and two loaders in the settings' namespace; a context that ends what it started.

    Args:
        settings: with the namespace and horizon of the demo.
        keep: leave everything running at the end; ``hailstream down`` ends it.
        job: which one.
    """

    def __init__(self, settings: Settings, *, keep: bool = False, job: str = JOB) -> None:
        self.settings = settings
        self._job = job
        self._keep = keep
        self._loaders: dict[str, subprocess.Popen[bytes]] = {}
        self.job_id = ""

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or not self._keep:
            self.end_loaders()

    def start_loaders(self, *names: str) -> None:
        """Start the loaders of those names (none: all) that do not run, each a process of its own with a log file."""
        logs = self.settings.home_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        # The mark lets `hailstream down` find them, however this process ends.
        environment = dict(os.environ) | self.settings.as_environment() | {MARK: str(self.settings.home_dir)}
        for name in names or LOADERS:
            if name in self._loaders:
                continue
            with (logs / f"load-{name}.log").open("ab") as log:
                self._loaders[name] = subprocess.Popen(
                    [sys.executable, "-m", "hailstream.cli", "load", name, "--metrics-port", str(free_port())],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def start_job(self) -> None:
        """Submit the job; the topics exist."""
        self.job_id = submit_job(find_job(self._job, self.settings), self.settings)

    def check(self) -> None:
        """Raise HailstreamError when a loader or the job is no longer at work."""
        for name, loader in self._loaders.items():
            if loader.poll() is not None:
                raise HailstreamError(
                    f"the {name} loader ended with exit code {loader.returncode}",
                    hint=f"see {self.settings.home_dir / 'logs' / f'load-{name}.log'}",
                )
        rest = FlinkRest(self.settings)
        if self.job_id and rest.state(self.job_id) in ("FAILED", "CANCELED", "FINISHED"):
            raise HailstreamError(f"job {self._job} is {rest.state(self.job_id)}: {rest.exceptions(self.job_id)[:600]}")

    def wait_until_loaded(self, rows: Mapping[str, int], progress: Callable[[str], None], *, patience: float) -> None:
        """Wait until each table has as many rows as expected and the whole log is committed as read, or no more come.

        Args:
            rows: expected rows of each table.
            progress: told how far they are.
            patience: seconds without any new row before this ends: whether
                rows are missing is for the comparison to say.
        """
        query = "SELECT " + ", ".join(f"(SELECT count() FROM {table})" for table in rows)
        found: tuple[int, ...] = ()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.check()
            before = found
            with reachable(self.settings, database=self.settings.database) as client:
                found = tuple(client.query(query).result_rows[0])
            if all(have >= want for have, want in zip(found, rows.values(), strict=True)):
                # Whoever asks next how far the job has come is told by what it committed, a moment after its rows.
                unread = records_unread(find_job(self._job, self.settings), self.settings)
                if not unread:
                    return
                progress(f"{unread:,} records of the log are not committed as read")
                time.sleep(_POLL_SECONDS)
                continue
            if found != before:
                deadline = time.monotonic() + patience
            progress(f"{sum(found):,} of {sum(rows.values()):,} rows are in ClickHouse")
            time.sleep(_POLL_SECONDS)

    def stop_job(self) -> str:
        """Stop the job with a savepoint, so that its last results are committed; the savepoint's URI."""
        return FlinkRest(self.settings).stop(self.job_id, savepoint_dir(self.settings), drain=False)

    def drain_loaders(self) -> None:
        """Wait until what is committed is loaded: stop the loaders and run each once more until idle."""
        self.end_loaders()
        environment = dict(os.environ) | self.settings.as_environment() | {MARK: str(self.settings.home_dir)}
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "hailstream.cli",
                "load",
                "clickhouse",
                "--until-idle",
                "1",
                "--metrics-port",
                str(free_port()),
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timedelta(minutes=5).total_seconds(),
        )
        if done.returncode != 0:
            raise HailstreamError(f"the ClickHouse loader failed: {done.stderr[-600:]}")

    def loaded_rows(self, table: str) -> int:
        """Rows of a table so far."""
        with reachable(self.settings, database=self.settings.database) as client:
            return int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])

    def kill_loader(self, name: str) -> None:
        """Kill a loader (-9), as a crash would."""
        loader = self._loaders.pop(name)
        loader.kill()
        loader.wait()

    def end_loaders(self) -> None:
        """End the loaders cleanly: each finishes its batch."""
        for loader in self._loaders.values():
            loader.terminate()
        for loader in self._loaders.values():
            try:
                loader.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                loader.kill()
                loader.wait()
        self._loaders.clear()

    def restarts(self) -> int:
        """How often Flink restarted the job."""
        return FlinkRest(self.settings).restarts(self.job_id) if self.job_id else 0
