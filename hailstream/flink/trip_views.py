"""Trips in a graph."""

from __future__ import annotations

from hailstream.decode.trips import TRIP_TYPES, trip_column
from hailstream.flink.graph import Graph
from hailstream.flink.result_rows import columns_sql
from hailstream.topics import TRIPS


def insert_trips(graph: Graph, records: str) -> None:
    """Write a row for every end to trips.v1.

    Args:
        graph: that reads the ends with the columns of trips.
        records: the view of the ends' records.
    """
    columns = ", ".join(f"{trip_column(name)} AS `{name}`" for name in TRIP_TYPES)
    trips = graph.view("ended_trips", f"SELECT {columns} FROM {records} WHERE {trip_column('trip_id')} IS NOT NULL")
    graph.insert(TRIPS, f"SELECT {columns_sql(TRIPS)} FROM {trips}")
