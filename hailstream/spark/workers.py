"""The process from which a local Spark forks its Python workers.

Spark puts its Python code on their path in zips and a jar, whose directories a
worker reads again before each task: a tenth of a second. Here the same code is
taken from where the driver has it, and what all workers import is there before
they are forked.
"""

from __future__ import annotations

import gc
import importlib
import sys
from zipimport import zipimporter

#: Imported by what our workers do; of those that start a thread when they are imported, none: a fork would lose it.
_IMPORTED = ("clickhouse_connect", "duckdb", "numpy", "pyarrow", "hailstream.settings")


def forget_zips() -> None:
    """Take Spark's zips (one is a jar) off the module path, and what was read of them out of the importer's memory."""

    def packed(entry: str) -> bool:
        return "pyspark" in entry and isinstance(sys.path_importer_cache.get(entry), zipimporter)

    zips = {entry for entry in sys.path_importer_cache if packed(entry)}
    sys.path[:] = [entry for entry in sys.path if entry not in zips]
    for entry in zips:
        del sys.path_importer_cache[entry]


def main() -> None:
    """Answer a JVM's requests for workers, until it ends."""
    forget_zips()
    for name in _IMPORTED:
        importlib.import_module(name)
    from pyspark.daemon import manager

    # A worker looks for garbage after each task; what is there now is none.
    gc.freeze()
    manager()


if __name__ == "__main__":
    main()
