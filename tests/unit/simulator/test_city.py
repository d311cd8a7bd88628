"""Whether the simulated city is like New York."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from hailstream.domain.clock import NEW_YORK
from hailstream.domain.fares import can_give, extra_charge, rate_card
from hailstream.domain.geo import great_circle_miles
from hailstream.domain.rules import BOUNDS
from hailstream.domain.zones import ZONES, zone_of
from hailstream.replay.simulator.city import load_city
from hailstream.replay.simulator.rhythm import load_week
from tests.unit.simulator.conftest import EVENING, Run

MONEY = (
    "fare_amount",
    "extra",
    "mta_tax",
    "tip_amount",
    "tolls_amount",
    "improvement_surcharge",
    "congestion_surcharge",
)


@pytest.fixture(scope="module")
def day(read: Callable[[str], Run]) -> pl.DataFrame:
    """Friday, from midnight to midnight, in New York."""
    run = read("sim:?seed=3&rate=3&minutes=1440&start=2024-03-01&faults=none")
    return run.events.with_columns(local=pl.col("event_time").dt.convert_time_zone(NEW_YORK))


def ends(run: Run) -> pl.DataFrame:
    return run.events.filter("is_end").with_columns(
        local=pl.col("started_at").dt.convert_time_zone(NEW_YORK).dt.replace_time_zone(None),
        seconds=(pl.col("event_time") - pl.col("started_at")).dt.total_milliseconds() / 1000,
    )


def test_the_evening_is_as_much_busier_than_four_in_the_morning_as_it_really_is(day: pl.DataFrame) -> None:
    starts = day.filter(~pl.col("is_end")).group_by(pl.col("local").dt.hour()).len().sort("local")["len"].to_numpy()
    real = load_week().weights[4 * 24 : 5 * 24]
    assert real[18] / real[4] > 8
    assert starts[18] / starts[4] == pytest.approx(real[18] / real[4], rel=0.15)
    assert np.corrcoef(starts, real)[0, 1] > 0.995


def test_traffic_is_slower_at_five_in_the_afternoon_than_at_night(day: pl.DataFrame) -> None:
    hours = (pl.col("event_time") - pl.col("started_at")).dt.total_milliseconds() / 3_600_000
    mph = day.filter("is_end").select(pl.col("local").dt.hour(), mph=pl.col("trip_distance_miles") / hours)
    median = dict(mph.group_by("local").median().iter_rows())
    assert median[4] > 1.5 * median[17]
    assert mph["mph"].max() < 50  # type: ignore[operator]


def test_zones_keep_their_real_shares_to_the_end_of_the_day(day: pl.DataFrame) -> None:
    city = load_city()
    evening = day.filter(~pl.col("is_end"), pl.col("pickup_location_id").is_not_null()).tail(40_000)
    counts = np.bincount(evening["pickup_location_id"].to_numpy(), minlength=264)
    assert np.corrcoef(counts, city.pickups)[0, 1] > 0.99
    assert not counts[city.pickups == 0].any()


def test_every_trip_starts_before_it_ends_and_tells_the_same_both_times(clean: Run) -> None:
    starts = clean.events.filter(~pl.col("is_end"))
    both = starts.join(clean.events.filter("is_end"), on="trip_id", suffix="_end")
    assert both.height > 0.7 * starts.height
    assert both["event_time"].equals(both["started_at_end"])
    assert (both["event_time_end"] > both["event_time"]).all()
    for name in ("driver_id", "vehicle_id", "vendor_id", "pickup_location_id", "pickup_latitude", "passenger_count"):
        assert both[name].equals(both[f"{name}_end"], null_equal=True), name


def test_an_honest_driver_has_one_vehicle_one_trip_at_a_time_and_time_to_get_to_the_next(clean: Run) -> None:
    trips = ends(clean).sort("driver_id", "started_at")
    assert trips.group_by("driver_id").agg(pl.col("vehicle_id").n_unique())["vehicle_id"].max() == 1
    place = {z.zone_id: (z.latitude, z.longitude) for z in ZONES if z.latitude is not None}
    known = trips.filter(pl.col("pickup_location_id").is_not_null() & pl.col("dropoff_location_id").is_not_null())
    before = known.with_columns(
        next_start=pl.col("started_at").shift(-1).over("driver_id"),
        next_zone=pl.col("pickup_location_id").shift(-1).over("driver_id"),
    ).drop_nulls("next_zone")
    assert before.height > 5_000
    gap = (before["next_start"] - before["event_time"]).dt.total_seconds().to_numpy()
    assert gap.min() >= 60
    here, there = (np.array([place[zone] for zone in before[name]]) for name in ("dropoff_location_id", "next_zone"))
    miles = great_circle_miles(here[:, 0], here[:, 1], there[:, 0], there[:, 1])
    assert np.max(miles / (gap / 3600)) < 30
    assert np.mean(miles) < 2  # the next trip begins nearby


def test_fares_are_those_of_the_rate_card_and_amounts_add_up(clean: Run) -> None:
    trips = ends(clean)
    columns = trips.select("local", "fare_amount", "trip_distance_miles", "seconds", "rate_code")
    for local, fare, miles, seconds, code in columns.iter_rows():
        assert can_give(rate_card(local.date()), fare, miles, seconds, code)
    assert trips.select(pl.sum_horizontal(MONEY) == pl.col("total_amount")).to_series().all()
    assert set(trips["mta_tax"].unique()) <= {0, 50}
    assert trips.filter(pl.col("mta_tax") == 0)["rate_code"].unique().to_list() in ([], [3])
    assert trips["improvement_surcharge"].unique().to_list() == [100]
    assert {0, 250} == set(trips["congestion_surcharge"].unique())
    assert trips.filter(pl.col("payment_type") != 1)["tip_amount"].max() == 0
    assert trips["payment_type"].value_counts(sort=True)["payment_type"].to_list()[:2] == [1, 2]


def test_kennedy_trips_to_manhattan_cost_the_flat_fare_of_their_year(read: Callable[[str], Run]) -> None:
    for start, flat, night in (("2013-01-02T21:00", 5200, 50), ("2024-03-01T21:00", 7000, 100)):
        trips = ends(read(f"sim:?seed=5&rate=60&minutes=40&start={start}&faults=none"))
        kennedy = trips.filter(pl.col("rate_code") == 2)
        assert kennedy.height > 100
        assert kennedy["fare_amount"].unique().to_list() == [flat]
        assert kennedy.filter(pl.col("local") >= datetime.fromisoformat(start))["extra"].unique().to_list() == [0]
        city = trips.filter(pl.col("rate_code") == 1, pl.col("local") >= datetime.fromisoformat(start))
        laguardia = 500 if start > "2022-12-19" else 0
        assert set(city["extra"].unique()) == {night, night + laguardia}
        local, code = datetime.fromisoformat(start), 1
        assert extra_charge(rate_card(local.date()), local, code) == night


def test_a_clean_city_is_within_all_bounds(clean: Run) -> None:
    for frame in (clean.events, ends(clean)):
        for bound, column in (
            (BOUNDS.passengers, "passenger_count"),
            (BOUNDS.distance, "trip_distance_miles"),
            (BOUNDS.fare, "fare_amount"),
            (BOUNDS.latitude, "pickup_latitude"),
            (BOUNDS.longitude, "dropoff_longitude"),
        ):
            values = frame[column].drop_nulls().to_numpy()
            assert not bound.outside_column(values).any(), column
    assert not BOUNDS.duration.outside_column(ends(clean)["seconds"].to_numpy() / 60).any()


def test_coordinates_are_inside_the_zone_that_the_trip_has_without_them(read: Callable[[str], Run]) -> None:
    by_id, by_place = (
        read(f"{EVENING}&faults=none&disorder=0&coordinates={share}".replace("rate=12", "rate=3")).events
        for share in (0, 1)
    )
    assert by_id["pickup_latitude"].null_count() == by_id.height
    assert by_place["pickup_location_id"].null_count() == by_place.height
    event = ["driver_id", "is_end", "event_time"]
    both = by_id.join(by_place, on=event, suffix="_place")
    assert both.height == by_id.height == by_place.height
    zones = zone_of(both["pickup_latitude_place"].to_numpy(), both["pickup_longitude_place"].to_numpy())
    assert (zones == both["pickup_location_id"].to_numpy()).all()


def test_a_driver_who_stays_starts_at_the_very_point_of_the_last_stop(read: Callable[[str], Run]) -> None:
    trips = ends(read(f"{EVENING}&faults=none&coordinates=1")).sort("driver_id", "started_at")
    follow = trips.with_columns(
        latitude=pl.col("pickup_latitude").shift(-1).over("driver_id"),
        longitude=pl.col("pickup_longitude").shift(-1).over("driver_id"),
    ).drop_nulls("latitude")
    here, there = ("dropoff_latitude", "dropoff_longitude"), ("latitude", "longitude")
    old, new = (zone_of(follow[a].to_numpy(), follow[b].to_numpy()) for a, b in (here, there))
    stayed = follow.filter(pl.Series(old == new))
    assert stayed.height > 300
    assert (stayed["dropoff_latitude"] == stayed["latitude"]).mean() > 0.95  # type: ignore[operator]
