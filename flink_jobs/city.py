"""All of a city's jobs as one graph, with one scan of each topic.

flink run -py flink_jobs/city.py [--help]
"""

from __future__ import annotations

from importlib import import_module

from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.jobs.catalog import city_parts


def build(graph: Graph) -> None:
    """Every job of the setting ``city_jobs``."""
    for part in city_parts(graph.settings):
        import_module(f"flink_jobs.{part.name}").build(graph)


if __name__ == "__main__":
    run_job("city", "All jobs of a city as one graph; HAILSTREAM_CITY_JOBS says which.", build)
