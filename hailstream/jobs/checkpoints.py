"""Where a job's checkpoints are kept, and which is the newest to go on from.

A JobManager that dies without a standby forgets its jobs, though not their
checkpoints: those are retained. Each start of a job from nothing or from a
savepoint is a *run* with a folder of its own, so that what an earlier run left
is never taken for this one's. A recovery stays in its run.

``<checkpoints>/<namespace>/<job>.<generation>/<run>/<Flink's job id>/chk-<n>/_metadata``

A checkpoint that is not the newest of its run must never be gone on from:
results were committed after it, and would be written twice.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JobSpec
from hailstream.settings import Settings

_NUMBER = re.compile(r"chk-(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A completed checkpoint that is retained.

    Attributes:
        path: its folder.
        run: the folder of its run.
    """

    path: Path
    run: Path

    def clear_older(self) -> None:
        """Delete the run's other checkpoints, and what was begun of some.

        Flink clears away the one that a job goes on from, and its own when it
        is stopped. An older one that a dead JobManager left would outlive
        them, and be taken for the newest after the stop.
        """
        for folder in self.run.glob("*/chk-*"):
            if folder != self.path:
                # Into one that was only begun, a task that is ending may still write.
                shutil.rmtree(folder, ignore_errors=not (folder / "_metadata").exists())


def checkpoint_base(settings: Settings) -> str | None:
    """URI below which checkpoints go; None: an external cluster that decides for itself."""
    if settings.checkpoint_dir is not None:
        return settings.checkpoint_dir.rstrip("/")
    return None if settings.flink_url else (settings.home_dir / "data" / "flink" / "checkpoints").as_uri()


def new_run(spec: JobSpec, settings: Settings, now: datetime) -> str | None:
    """URI of the folder for a run that starts ``now`` (UTC); later runs sort behind earlier ones."""
    folder = _folder(spec, settings)
    return None if folder is None else f"{folder}/{now:%Y%m%dT%H%M%S%f}"


def newest_checkpoint(spec: JobSpec, settings: Settings) -> Checkpoint:
    """The newest completed checkpoint of the job's last run.

    Flink gives checkpoints of a restored job higher numbers than those before
    it, and moves ``_metadata`` into place when a checkpoint is complete.

    Raises:
        HailstreamError: there is none, or it cannot be looked for from here.
    """
    by_hand = f"give it by hand: `hailstream jobs run {spec.name} --from-savepoint URI`"
    folder = _folder(spec, settings)
    if folder is None:
        raise HailstreamError(
            f"where the cluster at {settings.flink_address} keeps checkpoints of {spec.name} is not known",
            hint=f"set HAILSTREAM_CHECKPOINT_DIR before the job is started; or {by_hand}",
        )
    parts = urlsplit(folder)
    if parts.scheme != "file":
        raise HailstreamError(
            f"checkpoints of {spec.name} are in {folder}, which can only be searched where it is a file: folder",
            hint=f"find the newest folder chk-… that holds _metadata and {by_hand}",
        )
    path = Path(unquote(parts.path))
    runs = sorted(run for run in path.glob("*") if run.is_dir())
    complete = _complete(runs[-1]) if runs else []
    if not complete:
        raise HailstreamError(
            f"no checkpoint of job {spec.name} in namespace {settings.namespace} is kept in {path}",
            hint="a job that was stopped goes on from its savepoint (`hailstream jobs run … --from-savepoint`); "
            f"one that never completed a checkpoint has written nothing: `hailstream jobs run {spec.name}`",
        )
    return Checkpoint(complete[-1].parent, runs[-1])


def _complete(run: Path) -> list[Path]:
    """The metadata of a run's completed checkpoints, oldest first."""
    return sorted(run.glob("*/chk-*/_metadata"), key=_age)


def _folder(spec: JobSpec, settings: Settings) -> str | None:
    base = checkpoint_base(settings)
    return None if base is None else f"{base}/{settings.namespace}/{spec.name}.{settings.generation}"


def _age(metadata: Path) -> tuple[int, int]:
    """Sorts a run's checkpoints: by number, and where a job was restored twice from one, by time."""
    number = _NUMBER.fullmatch(metadata.parent.name)
    return (int(number.group(1)) if number else -1), metadata.stat().st_mtime_ns
