"""What the exercises of the Flink training ask of rides and fares comes out of what a replay reads."""

from __future__ import annotations

import gzip
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from hailstream.domain.rules import BOUNDS, Bound
from hailstream.replay.events import SENDING_ORDER
from hailstream.replay.loading import Input
from hailstream.replay.rides import read_rides
from hailstream.replay.rows import Span
from hailstream.replay.text import text_layout
from tests.unit.replay_sources.conftest import Read

Write = Callable[..., Path]

#: The exercise on cleansing draws the city narrower than we do: without Staten Island's west and Newark.
TRAINING_LONGITUDE = Bound("longitude_outside", -74.05, -73.7, "degrees")
SPAN = Span(None, None, datetime(2026, 1, 1, tzinfo=UTC))


def rides_within(file: Path, longitude: Bound) -> pl.DataFrame:
    """Ride events, as a replay reads them, of which both places lie within the bounds of the city."""
    source = Input(file, text_layout(file), is_parquet=False)
    rows = pl.concat(read_rides(source.layout, block, file, SPAN).rows for block in source.blocks())
    within = np.ones(rows.height, np.bool_)
    for place in ("pickup", "dropoff"):
        for bound, degrees in ((BOUNDS.latitude, "latitude"), (longitude, "longitude")):
            # A place that is not known (null) becomes NaN, which is outside.
            within &= ~bound.outside_column(rows[f"{place}_{degrees}"].to_numpy())
    return rows.filter(within)


def queried(file: Path, west: float) -> list[tuple[str, str]]:
    """The same by a plain query: ride id and kind of event."""
    return duckdb.sql(
        f"""SELECT column00 AS ride, column01 AS kind FROM read_csv('{file}', header = false, all_varchar = true)
            WHERE column04::DOUBLE BETWEEN {west} AND -73.7 AND column06::DOUBLE BETWEEN {west} AND -73.7
              AND column05::DOUBLE BETWEEN 40.5 AND 41.0 AND column07::DOUBLE BETWEEN 40.5 AND 41.0
            ORDER BY ALL"""
    ).fetchall()


@pytest.mark.parametrize(
    ("longitude", "starts", "ends"), [(TRAINING_LONGITUDE, 52_412, 45_458), (BOUNDS.longitude, 52_477, 45_504)]
)
def test_the_events_with_both_places_in_the_city_are_those_of_a_query(
    shared_data: Path, longitude: Bound, starts: int, ends: int
) -> None:
    file = shared_data / "ride_events_2013-01-01.csv.gz"
    within = rides_within(file, longitude)
    kinds = dict(within["event_type"].value_counts().iter_rows())
    assert kinds == {"START": starts, "END": ends}
    assert within.select("ride_id", "event_type").sort(pl.all()).rows() == queried(file, longitude.low)


def test_what_we_keep_beyond_the_training_has_a_place_west_of_its_box(shared_data: Path) -> None:
    file = shared_data / "ride_events_2013-01-01.csv.gz"
    event = ["ride_id", "event_type"]
    theirs, ours = rides_within(file, TRAINING_LONGITUDE), rides_within(file, BOUNDS.longitude)
    assert theirs.join(ours, on=event, how="anti").is_empty()
    beyond = ours.join(theirs, on=event, how="anti")
    west = beyond.select(pl.min_horizontal("pickup_longitude", "dropoff_longitude")).to_series()
    assert beyond.height == 111
    assert west.is_between(BOUNDS.longitude.low, TRAINING_LONGITUDE.low, closed="left").all()


@pytest.mark.parametrize("longitude", [TRAINING_LONGITUDE, BOUNDS.longitude])
def test_a_place_on_the_edge_of_the_city_is_in_it_and_one_beyond_is_not(write: Write, longitude: Bound) -> None:
    middle = (-73.98, 40.75)
    edges = [(x, middle[1]) for x in (longitude.low, longitude.high)]
    edges += [(middle[0], y) for y in (BOUNDS.latitude.low, BOUNDS.latitude.high)]
    beyond = [(x + (x - middle[0]) * 1e-9, y + (y - middle[1]) * 1e-9) for x, y in edges]
    lines = []
    for at, (x, y) in enumerate([*edges, *beyond, (math.nan, middle[1]), (0.0, 0.0)]):
        for kind, places in (("START", (x, y, *middle)), ("END", (*middle, x, y))):
            times = "2013-01-01 00:00:36,2013-01-01 00:00:09"
            lines.append(f"{at},{kind},{times},{','.join(map(repr, places))},1,2013000065,2013000066")
    within = rides_within(write("rides.csv", *lines), longitude)
    assert within.select("ride_id", "event_type").rows() == [
        (str(at), kind) for at in range(len(edges)) for kind in ("START", "END")
    ]


def shuffled(file: Path, into: Path, seed: int) -> Path:
    """A copy whose rows stand in another order."""
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    into.write_bytes(b"".join(lines))
    return into


def test_each_ride_has_its_fare_in_whatever_order_files_and_rows_come(
    shared_data: Path, tmp_path: Path, read: Read
) -> None:
    rides, fares = (shared_data / f"{kind}_events_2013-01-01.csv.gz" for kind in ("ride", "fare"))
    mixed = [shuffled(file, tmp_path / f"{file.name}.{seed}.csv", seed) for seed, file in enumerate((rides, fares))]
    joined = duckdb.sql(
        f"""SELECT 'ride:' || r.column00 AS trip, (100 * f.column5::DECIMAL(10, 2))::BIGINT,
                   (100 * f.column6::DECIMAL(10, 2))::BIGINT, (100 * f.column7::DECIMAL(10, 2))::BIGINT
            FROM read_csv('{rides}', header = false, all_varchar = true) r
            LEFT JOIN read_csv('{fares}', header = false, all_varchar = true) f ON r.column00 = f.column0
            WHERE r.column01 = 'END' ORDER BY trip"""
    ).fetchall()
    first = read(rides, fares)
    for replayed in (first, read(fares, rides), read(*mixed), read(*reversed(mixed))):
        assert replayed.report.rejects == {}
        assert replayed.starts["total_amount"].null_count() == replayed.starts.height == 53_550
        told = replayed.ends.select("trip_id", "tip_amount", "tolls_amount", "total_amount").sort("trip_id")
        assert told.rows() == joined
        # Not the amounts alone: the whole sequence that is sent.
        assert replayed.events.equals(first.events)
    assert first.events.select(SENDING_ORDER).is_duplicated().sum() == 0
    assert sum(total is not None for *_, total in joined) == 9_989
