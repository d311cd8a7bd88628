"""What every job file does after it has been described: arguments, plan, submission."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hailstream.errors import HailstreamError
from hailstream.settings import Settings, load_settings
from hailstream.topics import CONTROL_TOPICS

if TYPE_CHECKING:
    from hailstream.flink.graph import Graph
    from hailstream.folds.controls import Key

ENVIRONMENT_HELP = """\
environment: every HAILSTREAM_ setting; those that matter here are
  HAILSTREAM_NAMESPACE, _KAFKA_BOOTSTRAP, _REGISTRY_URL, _PARALLELISM, _MAX_DISORDER,
  _HORIZON, _CHECKPOINT_INTERVAL, _CHECKPOINT_DIR, _STATE_BACKEND, _GENERATION
(`hailstream settings` lists them all). Arguments win over the environment.
"""


def run_job(
    name: str, description: str, build: Callable[[Graph], None], prepare: Callable[[Settings], None] | None = None
) -> None:
    """Parse ``sys.argv``, build the job's graph, settle its plan and submit it.

    Called by ``python job.py`` within ``flink run``; returns when the job is
    submitted. Exits 1 or 2 with a message on standard error when it is not.

    Args:
        name: job and file name, e.g. ``zone_counts``.
        description: for ``--help``.
        build: adds sources, views and inserts to a graph.
        prepare: is done when the topics are there, before a run that goes on from nothing.
    """
    from hailstream.jobs.catalog import find_job

    arguments = _parser(name, description).parse_args()
    try:
        settings = load_settings(
            namespace=arguments.namespace,
            parallelism=arguments.parallelism,
            horizon=arguments.horizon,
            checkpoint_dir=arguments.checkpoint_dir,
            state_backend=arguments.state_backend,
            generation=arguments.generation,
            max_disorder=arguments.max_disorder,
        )
        interval = arguments.checkpoint_interval or getattr(settings, find_job(name, settings).interval)
        settings = settings.model_copy(update={"checkpoint_interval": interval})
        fresh = None if arguments.restoring else prepare
        submit(name, settings, build, plan=arguments.plan, restoring=arguments.restoring, prepare=fresh)
    except HailstreamError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)


def submit(
    name: str,
    settings: Settings,
    build: Callable[[Graph], None],
    *,
    plan: Path | None,
    restoring: bool,
    prepare: Callable[[Settings], None] | None = None,
) -> None:
    """Build and submit; see :func:`run_job`."""
    from hailstream.flink.environment import create_environment, create_streams
    from hailstream.flink.graph import ENCODED, Graph
    from hailstream.flink.partitions import require_partitions
    from hailstream.flink.plan import settle_plan
    from hailstream.jobs.catalog import find_job
    from hailstream.local.topics_admin import create_topics
    from hailstream.schemas_registry import known_writer_schemas, register_schemas

    spec = find_job(name, settings)
    create_topics(settings)
    require_partitions(settings.source, list(spec.reads))
    if prepare is not None:
        prepare(settings)
    create = create_streams if spec.folded else create_environment
    schemas = {topic: known_writer_schemas(topic, settings.source) for topic in spec.reads}
    said = _said(settings) if spec.folded else {}
    ids = register_schemas(settings, [topic for topic in spec.writes if topic in ENCODED])
    graph = Graph(create(settings, spec.title(settings)), settings, name, schemas, ids, said)
    build(graph)
    job = graph.as_job()
    settle_plan(job.plan, plan or plan_path(name, settings), restoring=restoring)
    job.execute()


def _said(settings: Settings) -> dict[Key, tuple[int, bytes | None]]:
    """What people have said so far, where it can be followed."""
    from hailstream.control_log import ControlLog
    from hailstream.folds.controls import why_refused

    return {
        (topic.base, message.key): (message.offset, message.value)
        for topic in CONTROL_TOPICS
        for message in ControlLog(settings, topic).read()
        if message.value is None or why_refused((topic.base, message.key), message.value) is None
    }


def plan_path(name: str, settings: Settings) -> Path:
    """Where the plan of a job is kept, by namespace and generation."""
    return settings.home_dir / "plans" / settings.namespace / f"{name}.{settings.generation}.json"


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"flink run -py flink_jobs/{name}.py",
        description=description,
        epilog=ENVIRONMENT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--namespace", help="prefix of topics and of everything else the job names")
    parser.add_argument(
        "--parallelism", type=int, help="of every operator; sources use no more than there are partitions"
    )
    parser.add_argument("--horizon", help="declared end of a replay (ISO time, UTC); later records are rejected")
    parser.add_argument("--max-disorder", type=float, help="seconds an event may be behind its partition's newest")
    parser.add_argument("--checkpoint-interval", type=float, help="seconds")
    parser.add_argument("--checkpoint-dir", help="URI for checkpoints")
    parser.add_argument("--state-backend", choices=("hashmap", "rocksdb"))
    parser.add_argument("--generation", type=int, help="of the metric definitions; higher ones outrank lower ones")
    parser.add_argument("--plan", type=Path, help="file that keeps the compiled plan (default: below the home folder)")
    parser.add_argument(
        "--restoring", action="store_true", help="started with -s: refuse if the plan differs from the kept one"
    )
    return parser
