"""The rebuild of a windowed metric: run, load, compare, swap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hailstream.batch.runs import BatchRun
from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import PARTS, JobSpec, find_job
from hailstream.kappa.built import Built, find_built, forget_built, keep_built, read_built
from hailstream.kappa.compare import Comparison, compare
from hailstream.kappa.shadow import load_results, run_over_the_log, shadow_of
from hailstream.kappa.swap import swap
from hailstream.loader.migrations import migrate
from hailstream.loader.version import generation_sql
from hailstream.namespace import empty_namespace
from hailstream.settings import Settings
from hailstream.windows import METRICS, WindowedMetric

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild made.

    Attributes:
        copied: rows of the live table that were copied; None where nothing was swapped.
    """

    built: Built
    comparison: Comparison
    copied: int | None = None


def rebuild(job: str, settings: Settings, begin: datetime | None, say: Say, run: BatchRun, *, dry_run: bool) -> Rebuilt:
    """Run today's definition over the log, compare with the live table, and swap.

    Args:
        settings: of the live namespace, with the generation that the new definition has.
        begin: windows that end later; None: all that the log makes.
        dry_run: do not swap.

    Raises:
        HailstreamError: no job of a windowed metric, a generation that is there already, a server away, a loader at
            work, or the job failed. The live table is as it was then.
    """
    metric, spec = metric_of(job), find_job(job, settings)
    require_newer_generation(metric.name, settings)
    shadow = shadow_of(settings)
    say(f"emptying namespace {shadow.namespace}")
    empty_namespace(shadow, keys=False)
    with reachable(shadow, database="default") as client:
        migrate(client, shadow.database)
    first = None if begin is None else begin - metric.size - metric.active_for
    run_over_the_log(spec, shadow, first, say)
    say(f"loading the tables of namespace {shadow.namespace}")
    load_results(shadow)
    built = find_built(metric.name, shadow, begin)
    comparison = compare(metric, built, settings, shadow)
    keep_built(built, shadow)
    _record(run, spec, built, comparison)
    if dry_run:
        return Rebuilt(built, comparison)
    return Rebuilt(built, comparison, _swap(built, settings, shadow, say, run))


def swap_rebuilt(job: str, settings: Settings, say: Say, run: BatchRun) -> Rebuilt:
    """Swap what an earlier rebuild left.

    Raises:
        HailstreamError: there is nothing, or as :func:`rebuild`.
    """
    metric, spec, shadow = metric_of(job), find_job(job, settings), shadow_of(settings)
    built = read_built(metric.name, shadow)
    require_newer_generation(metric.name, settings.model_copy(update={"generation": built.generation}))
    comparison = compare(metric, built, settings, shadow)
    _record(run, spec, built, comparison)
    return Rebuilt(built, comparison, _swap(built, settings, shadow, say, run))


def require_newer_generation(table: str, settings: Settings) -> None:
    """Refuse a generation that live rows have: theirs and the rebuilt ones could not be told apart.

    Raises:
        HailstreamError: they have it, or a newer one.
    """
    query = f"SELECT max({generation_sql()}) FROM {table}_raw"
    with reachable(settings, database=settings.database) as client:
        newest = int(client.query(query).result_rows[0][0])
    if newest >= settings.generation:
        raise HailstreamError(
            f"{table} has rows of generation {newest}: a rebuild needs a higher one than that, and this is "
            f"{settings.generation}",
            hint=f"--generation {newest + 1}, or HAILSTREAM_GENERATION; the job that goes on live needs it too",
            exit_code=2,
        )


def _swap(built: Built, settings: Settings, shadow: Settings, say: Say, run: BatchRun) -> int:
    copied = swap(built, settings, shadow, say)
    forget_built(shadow)
    run.detail["copied"] = copied
    return copied


def metric_of(job: str) -> WindowedMetric:
    """The windowed metric that a job makes.

    Raises:
        HailstreamError: it makes none.
    """
    metrics = {
        name: metric for metric in METRICS.values() for name, part in PARTS.items() if metric.results in part.writes
    }
    if job not in metrics:
        raise HailstreamError(
            f"job {job!r} makes no windows that can be rebuilt",
            hint=f"the jobs that do: {', '.join(metrics)}",
            exit_code=2,
        )
    return metrics[job]


def _record(run: BatchRun, spec: JobSpec, built: Built, comparison: Comparison) -> None:
    run.range_begin, run.range_end = built.begin, built.until
    run.rows_out = comparison.equal + comparison.different + comparison.missing
    kinds = {kind: getattr(comparison, kind) for kind in ("equal", "different", "missing", "extra", "kept")}
    run.detail |= {"job": spec.name, "generation": built.generation, "kinds": kinds}
