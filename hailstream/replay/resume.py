"""What an interrupted replay leaves behind, so that ``--resume`` goes on without loss or repetition.

The state says which event of the source comes next and where the log of each
partition ended when all before it was acknowledged. What the log holds after
that (the replay was killed, or the broker was away when it was stopped) is
read back and not sent again.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from hailstream.errors import HailstreamError
from hailstream.replay.broker import Offsets
from hailstream.settings import Settings

_VERSION = 1


@dataclass(frozen=True)
class ReplayState:
    """Where a replay stands.

    Attributes:
        source: what decides the sequence of events and heartbeats, and the source's fingerprint.
        next_event: number of the source's next event, from 0.
        digest: of all events before it.
        reached: event time reached, ms; None before the first event.
        offsets: end of each partition's log when all of them were acknowledged.
        sent, refused, heartbeats, seconds: the account so far.
        refused_bytes: length of the file of refused events.
    """

    status: Literal["running", "interrupted", "done"]
    source: dict[str, Any]
    offsets: Offsets
    next_event: int = 0
    digest: str = ""
    reached: int | None = None
    sent: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    heartbeats: int = 0
    seconds: float = 0.0
    refused_bytes: int = 0

    def advanced(self, **changes: Any) -> ReplayState:
        """This state with other values."""
        return replace(self, **changes)


class Digest:
    """Of a sequence of events (key and time), however it is cut into frames."""

    def __init__(self) -> None:
        self._keys = hashlib.blake2b(digest_size=16)
        self._times = hashlib.blake2b(digest_size=16)

    def update(self, frame: pl.DataFrame) -> None:
        keys = frame["trip_id"].fill_null("").cast(pl.Binary)
        self._keys.update(b"".join(keys.to_list()))
        self._times.update(frame["event_time"].dt.epoch("ms").fill_null(0).to_numpy().astype(np.int64).tobytes())

    def text(self) -> str:
        """The digest so far."""
        return self._keys.hexdigest() + self._times.hexdigest()


def state_path(settings: Settings) -> Path:
    """The state file of the settings' namespace."""
    return settings.home_dir / "replays" / f"{settings.namespace}.json"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other replays out of the namespace of a state file, on this machine, until the end.

    Raises:
        HailstreamError: one runs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system frees it, however we end
        except OSError:
            raise HailstreamError(
                f"another replay runs in namespace {path.stem}", hint="wait for it, or use another --namespace"
            ) from None
        yield


def save_state(path: Path, state: ReplayState) -> None:
    """Write the state so that a reader sees the old one or the new one, whole, even after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump({"version": _VERSION} | asdict(state), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_state(path: Path) -> ReplayState:
    """The state an earlier replay left.

    Raises:
        HailstreamError: there is none, it cannot be read, or that replay is done.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("version") != _VERSION:
            raise ValueError("written by another version")
        data["offsets"] = {t: {int(p): int(o) for p, o in by.items()} for t, by in data["offsets"].items()}
        state = ReplayState(**data)
    except FileNotFoundError:
        raise HailstreamError(
            f"there is no interrupted replay: no file {path}", hint="start it without --resume", exit_code=2
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HailstreamError(
            f"the state file {path} cannot be read: {error}", hint="replay into a new namespace without --resume"
        ) from error
    if state.status == "done":
        raise HailstreamError(f"the replay of {path} is done: nothing to resume", exit_code=2)
    return state


def require_same_source(state: ReplayState, source: dict[str, Any]) -> None:
    """Do nothing when a state belongs to this source.

    Raises:
        HailstreamError: another source, or it changed; names what differs.
    """
    different = sorted(k for k in state.source.keys() | source.keys() if state.source.get(k) != source.get(k))
    if different:
        details = "; ".join(f"{k} was {state.source.get(k)!r}, is {source.get(k)!r}" for k in different)
        raise HailstreamError(
            f"cannot resume, the source is not the one that was interrupted: {details}",
            hint="give the same sources and options, or start anew in another namespace without --resume",
        )


def fingerprint(specs: Sequence[str]) -> dict[str, str]:
    """Size and SHA-256 of each file of the sources; a simulator is its own description."""
    found: dict[str, str] = {}
    for spec in specs:
        if spec.startswith("sim:"):
            found[spec] = "simulator"
            continue
        given = Path(spec).expanduser()
        names = [str(given)] if given.exists() else glob.glob(str(given))  # noqa: PTH207 - absolute patterns too
        for path in map(Path, sorted(names)):
            if path.is_file():
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[str(path.resolve())] = f"{path.stat().st_size}:{digest}"
    return found
