"""Trips in a graph."""

from __future__ import annotations

from hailstream.decode.trips import TRIP_KEY, TRIP_MESSAGE
from hailstream.flink.graph import Graph
from hailstream.topics import TRIPS


def insert_trips(graph: Graph, records: str) -> None:
    """Write a message for every end to trips.v1.

    Args:
        graph: that reads the ends with the messages of trips.
        records: the view of the ends' records.
    """
    graph.insert(TRIPS, f"SELECT {TRIP_KEY}, {TRIP_MESSAGE} FROM {records} WHERE {TRIP_MESSAGE} IS NOT NULL")
