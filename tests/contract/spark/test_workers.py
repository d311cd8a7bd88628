"""A local Spark's Python workers begin a task at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_workers_import_from_folders_and_are_forked_with_what_they_need(spark: SparkSession) -> None:
    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import sys
        from zipimport import zipimporter

        list(batches)
        zips = [entry for entry, finder in sys.path_importer_cache.items() if isinstance(finder, zipimporter)]
        there = [name for name in ("pandas", "clickhouse_connect") if name in sys.modules]
        yield pa.RecordBatch.from_pylist([{"zips": zips, "there": there, "spark": sys.modules["pyspark"].__file__}])

    [found] = (
        spark.range(0, 1, 1, 1).mapInArrow(look, "zips array<string>, there array<string>, spark string").collect()
    )
    assert (found["zips"], found["there"]) == ([], ["pandas", "clickhouse_connect"])
    assert found["spark"].endswith("/site-packages/pyspark/__init__.py")
