"""A local Spark's Python workers begin a task at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext


def test_workers_import_from_folders_and_are_forked_with_what_they_need(spark: SparkContext) -> None:
    def look(_: object) -> tuple[list[str], list[str], str | None]:
        import sys
        from zipimport import zipimporter

        zips = [entry for entry, finder in sys.path_importer_cache.items() if isinstance(finder, zipimporter)]
        there = [name for name in ("duckdb", "clickhouse_connect") if name in sys.modules]
        return zips, there, sys.modules["pyspark"].__file__

    [(zips, there, package)] = spark.parallelize([0], 1).map(look).collect()
    assert (zips, there) == ([], ["duckdb", "clickhouse_connect"])
    assert str(package).endswith("/site-packages/pyspark/__init__.py")
