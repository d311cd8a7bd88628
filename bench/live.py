"""Events at a pace through a running pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.pipeline import running_pipeline
from hailstream.errors import HailstreamError
from hailstream.local.processes import MARK
from hailstream.local.topics_admin import create_topics
from hailstream.namespace import empty_namespace
from hailstream.replay.events import open_source
from hailstream.replay.options import TAIL_SECONDS
from hailstream.schemas_registry import register_schemas
from hailstream.settings import Settings

_LAST_RESULTS_SECONDS = 2.0


def until_the_end_of(spec: str, settings: Settings, namespace: str) -> Settings:
    """A namespace for a simulation, with its horizon."""
    bounds = open_source(spec, work_dir=settings.home_dir / "sim").bounds()
    assert bounds is not None
    horizon = (bounds[1] + timedelta(seconds=TAIL_SECONDS + 1)).isoformat()
    return settings.model_copy(update={"namespace": namespace, "horizon": horizon})


def send_paced(
    settings: Settings,
    spec: str,
    speed: float,
    *,
    moments: Path | None = None,
    sent: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Send a simulation into a new namespace with job city and the loaders at work, and end them.

    Args:
        moments: file to be written, see :mod:`bench.paced`.
        sent: called when all events were sent and a moment has passed, before the pipeline ends.

    Returns:
        what :mod:`bench.paced` tells.

    Raises:
        HailstreamError: the source, the job or a loader failed.
    """
    create_topics(settings)
    register_schemas(settings)
    environment = dict(os.environ) | settings.as_environment() | {MARK: str(settings.home_dir)}
    given = {"spec": spec, "speed": speed, "moments": str(moments) if moments else None}
    source = subprocess.Popen(
        [sys.executable, "-m", "bench.paced", json.dumps(given)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert source.stdin is not None
    assert source.stdout is not None
    try:
        if source.stdout.readline().strip() != "ready":
            raise HailstreamError("the event source failed")
        with running_pipeline(settings) as pipeline:
            source.stdin.write("go\n")
            source.stdin.flush()
            told: dict[str, Any] | None = json.loads(source.stdout.readline() or "null")
            pipeline.check()
            time.sleep(_LAST_RESULTS_SECONDS)
            sent()
        if told is None:
            raise HailstreamError("the event source failed")
    finally:
        source.kill()
        source.wait()
        empty_namespace(settings)
    return told
