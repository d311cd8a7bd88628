"""Trips, a row for each end.

flink run -py flink_jobs/trips.py [--help]
"""

from __future__ import annotations

from hailstream.flink.graph import Graph
from hailstream.flink.run_job import run_job
from hailstream.flink.trip_views import insert_trips
from hailstream.topics import TRIPS_ENDED


def build(graph: Graph) -> None:
    """trips.ended.v1 → decode → trips.v1. Lateness is nothing to a trip: its end says all of it."""
    ended = graph.read_events(TRIPS_ENDED, trips=True)
    insert_trips(graph, ended)


if __name__ == "__main__":
    run_job("trips", "Trips: duration, speed, route, tip rate, completeness.", build)
