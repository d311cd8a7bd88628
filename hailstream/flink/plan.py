"""The compiled plan of a job: what its savepoints belong to.

SQL operators have stable ids only through a compiled plan, so every job runs
from one. It is kept beside the job's state. A later start compiles again and
compares: an equal plan goes on from a savepoint, a changed one cannot.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hailstream.errors import HailstreamError

_PARALLELISM = re.compile(r'"parallelism"\s*:\s*\d+\s*,?')


@dataclass(frozen=True)
class Job:
    """A job that is ready to run: its plan as JSON text, and what submits it."""

    plan: str
    execute: Callable[[], object]


def graph_plan(graph: str) -> str:
    """The plan of a job that is a stream graph and no compiled plan.

    How many of each operator run is no part of it: state can be divided anew. So
    rows that are dealt out to more operators are as good as rows that are handed on.

    Args:
        graph: what Flink's ``getStreamingPlanAsJSON`` gives.
    """
    return _PARALLELISM.sub("", graph).replace('"REBALANCE"', '"FORWARD"')


def settle_plan(compiled: str, kept: Path, *, restoring: bool) -> None:
    """Keep the plan that is about to run in ``kept``, for the next start to compare with.

    Args:
        compiled: the plan of today's definition, as JSON text.
        kept: file of the plan that the job ran last; it need not exist.
        restoring: the job starts from a savepoint or checkpoint.

    Raises:
        HailstreamError: the job would restore state of another plan.
    """
    if restoring and kept.is_file() and kept.read_text() != compiled:
        raise HailstreamError(
            f"the job's definition changed, its saved state does not fit it any more; first change: "
            f"{_first_change(kept.read_text(), compiled)}",
            hint="start it as a new generation, which replays the log: HAILSTREAM_GENERATION one higher and "
            f"no savepoint; or bring the old definition back. The plan it ran is {kept}",
        )
    kept.parent.mkdir(parents=True, exist_ok=True)
    scratch = kept.with_suffix(".new")
    scratch.write_text(compiled)
    scratch.replace(kept)


def _first_change(old: str, new: str) -> str:
    # Of the lines that name something: a bracket tells nobody what changed.
    changes = (
        line[0] + " " + line[1:].strip()
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
        if line[0] in "+-" and re.search(r"\w", line)
    )
    return "; ".join(islice(changes, 2))[:400]
