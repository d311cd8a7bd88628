"""What the first run of Spark on a machine does beside its work, kept out of the figures."""

from __future__ import annotations

from collections.abc import Callable

from hailstream.settings import Settings


def let_classes_be_kept(settings: Settings, say: Callable[[str], None], run: Callable[[], object]) -> None:
    """Run once, unmeasured, where no run has kept Spark's classes yet (:mod:`hailstream.spark.class_data`)."""
    if not any((settings.home_dir / "classes").glob("spark-*.jsa")):
        say("a first run, which keeps Spark's classes and is not measured")
        run()
