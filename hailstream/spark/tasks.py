"""Work that Spark only has to spread out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pyspark import SparkContext

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(spark: SparkContext, work: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Result]:
    """What ``work`` gives for each task, in their order; each is a Spark task of its own."""
    if not tasks:
        return []
    found: list[Result] = spark.parallelize(tasks, len(tasks)).map(work).collect()
    return found
