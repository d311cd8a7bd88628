"""How much memory each process takes."""

from __future__ import annotations

from collections.abc import Iterator

from bench.context import Context
from bench.figures import Figure
from bench.offsets import forget
from bench.pipeline import catch_up, running_pipeline
from bench.sampler import Sampler
from bench.stack import processes_of


def memory(context: Context) -> Iterator[Figure]:
    """Largest resident set of every process while job and loaders work off a filled log at full speed."""
    log = context.log()
    forget(log.settings, log.settings.consumer_group("city"))
    with (
        Sampler(lambda: processes_of(log.settings.home_dir)) as sampler,
        running_pipeline(log.settings) as pipeline,
    ):
        catch_up(pipeline, log)
    yield Figure("all together", sum(sampler.peak.values()) / 2**20, "MB", note="sum of the peaks")
    for kind, peak in sorted(sampler.peak.items(), key=lambda item: -item[1]):
        if kind != "other":
            yield Figure(kind, peak / 2**20, "MB")
