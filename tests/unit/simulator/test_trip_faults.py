"""Whether faulty trips are what the ledger says, on both sides of each threshold."""

from __future__ import annotations

import numpy as np
import polars as pl
from polars.testing import assert_series_equal

from hailstream.domain.fares import can_give, rate_card
from hailstream.domain.geo import great_circle_miles
from hailstream.domain.zones import ZONES
from hailstream.replay.simulator import parse_spec
from hailstream.replay.simulator.false_fares import USUAL
from tests.unit.simulator.conftest import EVENING, Run
from tests.unit.simulator.ledger_rows import labelled, of, readable, with_seconds


def test_fast_trips_are_on_both_sides_of_the_threshold_and_their_fares_are_the_cards(faulty: Run) -> None:
    trips = with_seconds(readable(faulty).filter("is_end"))
    mph = pl.col("trip_distance_miles") / pl.col("seconds") * 3600
    said = labelled(faulty).filter(pl.col("kind") == "speed")
    broken = labelled(faulty).filter(pl.col("case").is_in(["distance", "duration"]))
    assert set(trips.filter(mph >= 60)["trip_id"]) - set(broken["trip_id"]) == set(said["trip_id"])
    speeders = with_seconds(of(faulty, "speed"))
    assert speeders.select((mph - pl.col("size")).abs().max()).item() < 0.001
    assert (speeders["rule"].is_not_null() == (speeders["size"] > 80)).all()
    assert 0.15 < speeders["rule"].is_null().mean() < 0.35  # type: ignore[operator]
    for row in speeders.iter_rows(named=True):
        card = rate_card(row["local"].date())
        assert can_give(card, row["fare_amount"], row["trip_distance_miles"], row["seconds"], row["rate_code"])


def test_fares_that_the_card_cannot_give_are_the_fraudulent_ones(faulty: Run) -> None:
    trips = with_seconds(readable(faulty).filter("is_end"))
    broken = labelled(faulty).filter(pl.col("case").is_in(["fare", "distance", "duration", "refund"]))
    bounds = set(broken.filter(pl.col("kind") == "bounds")["trip_id"]) | set(
        broken.filter(pl.col("case") == "refund")["trip_id"]
    )
    wrong = {
        row["trip_id"]
        for row in trips.iter_rows(named=True)
        if not can_give(
            rate_card(row["local"].date()),
            row["fare_amount"],
            row["trip_distance_miles"],
            row["seconds"],
            row["rate_code"],
        )
    }
    frauds = labelled(faulty).filter(kind="fraud", case="fare")
    assert wrong - bounds == set(frauds.filter(pl.col("rule") == "fare_off_card")["trip_id"])
    assert (frauds["rule"].is_null() == (frauds["size"] == 0)).all()
    assert 0.1 < frauds["rule"].is_null().mean() < 0.5  # type: ignore[operator]
    assert of(faulty, "fraud", "fare")["fare_amount"].max() <= 500_00  # type: ignore[operator]


def with_partner(run: Run, case: str) -> pl.DataFrame:
    """Ended trips of a fraud beside the trip it is about (columns ``…_partner``)."""
    trips = run.events.filter("is_end").unique("trip_id", keep="first")
    extra = of(run, "fraud", case).filter("is_end").rename({"other_trip_id": "partner"})
    joined = extra.join(trips, left_on="partner", right_on="trip_id", suffix="_partner")
    assert joined.height >= 15
    # What a fault is about has no fault itself, nor has it been late or unreadable.
    assert not set(joined["partner"]) & set(run.ledger["trip_id"])
    assert joined["driver_id"].equals(joined["driver_id_partner"])
    return joined


def seconds_between(earlier: pl.Series, later: pl.Series) -> pl.Series:
    return (later - earlier).dt.total_milliseconds() / 1000


def test_overlapping_trips_share_as_many_seconds_as_the_ledger_says(faulty: Run) -> None:
    trips = with_partner(faulty, "overlap")
    assert (trips["started_at"] > trips["started_at_partner"]).all()
    assert (trips["event_time"] > trips["event_time_partner"]).all()
    assert_series_equal(
        seconds_between(trips["started_at"], trips["event_time_partner"]), trips["size"], check_names=False
    )
    assert (trips["rule"].is_not_null() == (trips["size"] > 30)).all()
    assert 0.2 < trips["rule"].is_null().mean() < 0.8  # type: ignore[operator]


def test_the_way_between_two_trips_is_as_fast_as_the_ledger_says(faulty: Run) -> None:
    trips = with_partner(faulty, "travel").drop_nulls(["pickup_location_id", "dropoff_location_id_partner"])
    place = {z.zone_id: (z.latitude, z.longitude) for z in ZONES}
    here, there = (
        np.array([place[zone] for zone in trips[name]])
        for name in ("dropoff_location_id_partner", "pickup_location_id")
    )
    miles = great_circle_miles(here[:, 0], here[:, 1], there[:, 0], there[:, 1])
    hours = seconds_between(trips["event_time_partner"], trips["started_at"]).to_numpy() / 3600
    np.testing.assert_allclose(miles, trips["basis"], atol=1e-5)
    np.testing.assert_allclose(miles / hours, trips["size"], rtol=1e-5)
    starts = labelled(faulty).filter(~pl.col("is_end"), case="travel")
    far = (starts["size"] > 80) & (starts["basis"] >= 3)
    assert (starts["rule"].is_not_null() == far).all()
    assert 0.2 < far.mean() < 0.9  # type: ignore[operator]


def test_drivers_change_vehicles_as_soon_as_the_ledger_says_and_nobody_else_does(faulty: Run) -> None:
    trips = with_partner(faulty, "vehicles")
    assert (trips["vehicle_id"] != trips["vehicle_id_partner"]).all()
    assert_series_equal(
        seconds_between(trips["event_time_partner"], trips["started_at"]), trips["size"], check_names=False
    )
    assert trips["size"].min() < 200 < 400 < trips["size"].max()  # type: ignore[operator]
    vehicles = readable(faulty).group_by("driver_id").agg(pl.col("vehicle_id").n_unique())
    two = set(vehicles.filter(pl.col("vehicle_id") > 1)["driver_id"])
    assert two <= set(of(faulty, "fraud", "vehicles")["driver_id"])
    assert len(two) > 10


def test_bursts_are_of_three_to_ten_trips_of_one_driver_within_ten_minutes(faulty: Run) -> None:
    starts = of(faulty, "fraud", "velocity").filter(~pl.col("is_end")).sort("driver_id", "event_time")
    bursts = starts.group_by("driver_id", maintain_order=True).agg(
        pl.len(), pl.col("size"), span=(pl.col("event_time").max() - pl.col("event_time").min()).dt.total_seconds()
    )
    assert bursts["len"].is_between(1, 10).all()  # the log may end first
    assert bursts["len"].max() == 10
    assert all(sizes.to_list() == list(range(1, len(sizes) + 1)) for sizes in bursts["size"])
    assert bursts["span"].max() < 600  # type: ignore[operator]
    assert (starts["rule"].is_not_null() == (starts["size"] > 6)).all()
    others = readable(faulty).join(starts.select("trip_id"), on="trip_id", how="anti")
    assert not set(others["driver_id"]) & set(starts["driver_id"])


def test_fares_that_stand_out_are_agreed_ones_where_the_zone_has_others_to_compare_with(faulty: Run) -> None:
    trips = with_seconds(of(faulty, "fraud", "outlier"))
    assert (trips["rate_code"] == 5).all()
    assert trips["fare_amount"].is_between(1, 480_00).all()
    assert trips["basis"].min() >= 60  # type: ignore[operator]
    assert (trips["rule"].is_not_null() == (trips["size"].abs() > 3)).all()
    assert trips["size"].min() < -8 < 8 < trips["size"].max()  # type: ignore[operator]
    card = rate_card(trips["local"][0].date())
    by_distance, by_time = trips["trip_distance_miles"] * 5, trips["seconds"] / 60
    units = (pl.DataFrame([by_distance, by_time]).max_horizontal() + by_distance + by_time) / 2
    shown = np.log(trips["fare_amount"].to_numpy() / (card.initial + card.unit * units.to_numpy()))
    np.testing.assert_allclose((shown - USUAL) * 10, trips["size"], atol=1e-4)


def test_rides_are_open_for_as_long_as_the_ledger_says(faulty: Run) -> None:
    end = parse_spec(EVENING).end
    for case in ("open", "never_ended"):
        both = of(faulty, "rides", case)
        starts, ends = both.filter(~pl.col("is_end")), both.filter("is_end")
        left = starts.select((pl.lit(end) - pl.col("event_time")).dt.total_milliseconds() / 1000).to_series()
        told = starts.join(ends.select("trip_id", ended="event_time"), on="trip_id", how="left")
        seconds = seconds_between(told["event_time"], told["ended"])
        assert_series_equal(seconds.fill_null(left), starts["size"], check_names=False)
        assert (ends.height > 10) == (case == "open")
        assert ends["rule"].is_null().all()
        assert (starts["rule"].is_not_null() == (starts["size"] > 7200)).all()


def test_ends_disagree_with_their_starts_in_what_the_ledger_says(faulty: Run) -> None:
    starts = readable(faulty).filter(~pl.col("is_end"))
    names = ["trip_id", "driver_id", "pickup_location_id", "event_time"]
    for case in ("other_zone", "other_driver", "other_time"):
        ends = of(faulty, "rides", case)
        both = ends.join(starts.select(names), on="trip_id", suffix="_start").filter(
            pl.col("pickup_location_id_start").is_not_null()
        )
        assert both.height > 20
        assert ends.height == of(faulty, "rides", case).join(starts, on="trip_id", how="semi").height
        apart = seconds_between(both["event_time_start"], both["started_at"]).abs()
        differs = {
            "other_zone": both["pickup_location_id"] != both["pickup_location_id_start"],
            "other_driver": both["driver_id"] != both["driver_id_start"],
            "other_time": apart > 0,
        }
        for name, values in differs.items():
            known = both["pickup_location_id"].is_not_null() if name == "other_zone" else values.is_not_null()
            assert (values.fill_null(value=False) == (name == case)).filter(known).all(), (case, name)
        if case == "other_time":
            assert_series_equal(apart, both["size"], check_names=False)
            assert (both["rule"].is_not_null() == (both["size"] >= 1)).all()
            assert 0.2 < both["rule"].is_null().mean() < 0.8  # type: ignore[operator]


def test_a_refund_mirrors_every_amount_of_its_trip(faulty: Run) -> None:
    trips = with_partner(faulty, "refund")
    late = seconds_between(trips["event_time_partner"], trips["event_time"])
    assert_series_equal(late, trips["size"], check_names=False)
    assert (trips["rule"].is_not_null() == (trips["size"] <= 3600)).all()
    assert trips["size"].min() == 0
    for name in ("fare_amount", "extra", "tip_amount", "tolls_amount", "total_amount"):
        assert trips[name].equals(-trips[f"{name}_partner"]), name
    assert trips["started_at"].equals(trips["started_at_partner"])
    starts = set(faulty.events.filter(~pl.col("is_end"))["trip_id"])
    assert not starts & set(trips["trip_id"])
