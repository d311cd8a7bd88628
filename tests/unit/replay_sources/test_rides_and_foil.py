"""Ride events and FOIL trips, with and without their fares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hailstream.replay.layouts import DEBS_COLUMNS
from tests.unit.replay_sources.conftest import Read, column

Write = Callable[..., Path]

PLACES = "-73.99,40.72,-73.98,40.75,1,2013000065,2013000066"
STARTED = f"65,START,2013-01-01 00:00:09,1970-01-01 00:00:00,{PLACES}"
ENDED = f"65,END,2013-01-01 00:00:36,2013-01-01 00:00:09,{PLACES}"
FARE = "65,2013000065,2013000066,2013-01-01 00:00:09,CRD,4.70,5.33,28.70"

TRIP_HEADER = (
    "medallion, hack_license, vendor_id, rate_code, store_and_fwd_flag, pickup_datetime, dropoff_datetime, "
    "passenger_count, trip_time_in_secs, trip_distance, pickup_longitude, pickup_latitude, dropoff_longitude, "
    "dropoff_latitude"
)
TRIP = "M1,H1,CMT,1,N,2013-01-01 15:11:48,2013-01-01 15:18:10,4,382,1.00,-73.978165,40.757977,-73.989838,40.751171"
FARE_HEADER = (
    "medallion, hack_license, vendor_id, pickup_datetime, payment_type, fare_amount, surcharge, mta_tax, "
    "tip_amount, tolls_amount, total_amount"
)
TRIP_FARE = "M1,H1,CMT,2013-01-01 15:11:48,CSH,6.5,0,0.5,0,0,7"


def test_the_third_column_is_the_events_own_time_and_an_end_tells_its_start(read: Read, write: Write) -> None:
    replayed = read(write("rides.csv", STARTED, ENDED))
    start, end = replayed.events.to_dicts()
    began = datetime(2013, 1, 1, 5, 0, 9, tzinfo=UTC)
    assert (start["event_time"], start["started_at"]) == (began, None)
    assert (end["event_time"], end["started_at"]) == (datetime(2013, 1, 1, 5, 0, 36, tzinfo=UTC), began)
    assert start["trip_id"] == end["trip_id"] == "ride:65"
    assert (end["vehicle_id"], end["driver_id"], end["source"]) == ("2013000065", "2013000066", "rides:2013-01")
    assert (start["pickup_latitude"], end["dropoff_longitude"]) == (40.72, -73.98)


def test_a_start_does_not_know_where_the_ride_will_end(read: Read, write: Write) -> None:
    start = read(write("rides.csv", STARTED)).events.row(0, named=True)
    assert start["dropoff_latitude"] is start["dropoff_longitude"] is start["started_at"] is None


def test_a_fare_gives_its_end_the_amounts_that_are_in_it_and_no_other(read: Read, write: Write) -> None:
    replayed = read(write("fares.csv", FARE), write("rides.csv", STARTED, ENDED))
    start, end = replayed.events.to_dicts()
    assert (end["payment_type"], end["tip_amount"], end["tolls_amount"], end["total_amount"]) == (1, 470, 533, 2870)
    assert end["fare_amount"] is end["extra"] is end["mta_tax"] is None
    assert start["total_amount"] is None
    assert replayed.report.rows_read == 3


def test_fares_that_find_no_ride_or_a_ride_that_has_one_are_rejects(read: Read, write: Write) -> None:
    unknown, second, torn = FARE.replace("65,", "66,", 1), FARE.replace("28.70", "1.00"), "65,2013"
    fares = write("fares.csv", unknown, FARE, second, torn)
    replayed = read(write("rides.csv", ENDED), fares)
    assert (replayed.report.rows_read, replayed.report.rows_accepted) == (5, 2)
    assert {(r["row"], r["reason"], r["text"]) for r in replayed.rejected} == {
        ("1", "no_trip", unknown),
        ("3", "duplicate_fare", second),
        ("4", "field_count", torn),
    }
    assert {r["file"] for r in replayed.rejected} == {str(fares)}
    assert column(replayed.ends, "total_amount") == [2870]


def test_a_part_of_the_rides_does_not_accuse_the_fares_of_the_others(read: Read, write: Write) -> None:
    fares = write("fares.csv", FARE, FARE.replace("65,", "66,", 1))
    replayed = read(write("rides.csv", ENDED, ENDED.replace("65,", "66,", 1)), fares, limit=1)
    assert replayed.report.rejects == {}
    assert column(replayed.events, "total_amount") == [2870]


def test_ride_events_that_can_be_none_are_rejected(read: Read, write: Write) -> None:
    lines = [
        ENDED.replace("END", "PAUSE"),
        ENDED.replace("65,", ",", 1),
        ENDED.replace("2013-01-01 00:00:09", ""),
        STARTED.replace("2013-01-01 00:00:09", ""),
        STARTED.replace("2013-01-01", "2093-01-01"),
    ]
    replayed = read(write("rides.csv", STARTED, *lines))
    assert [r["reason"] for r in replayed.rejected] == [
        "bad_event_type",
        "missing_ride_id",
        "missing_time",
        "missing_time",
        "future",
    ]
    assert replayed.report.rows_accepted == 1


def test_foil_trips_take_their_fare_by_vehicle_driver_and_pickup(read: Read, write: Write) -> None:
    other = TRIP.replace("M1", "M2")
    alone = read(write("trip_data_1.csv", TRIP_HEADER, TRIP, other))
    both = read(write("trip_data_1.csv", TRIP_HEADER, TRIP, other), write("trip_fare_1.csv", FARE_HEADER, TRIP_FARE))
    end = both.ends.filter(both.ends["vehicle_id"] == "M1").row(0, named=True)
    assert (end["driver_id"], end["vendor_id"], end["payment_type"]) == ("H1", "1", 2)
    assert (end["fare_amount"], end["mta_tax"], end["extra"], end["total_amount"]) == (650, 50, 0, 700)
    assert both.ends["total_amount"].null_count() == 1
    # With its fare or without, it is the same trip.
    assert column(both.events, "trip_id") == column(alone.events, "trip_id")
    assert both.report.rows_read == 3


def test_foil_files_with_pseudonyms_for_ids_are_read_alike(read: Read, write: Write) -> None:
    header = TRIP_HEADER.replace("medallion", "taxi_id").replace("hack_license", "driver_id")
    fare_header = FARE_HEADER.replace("medallion", "taxi_id").replace("hack_license", "driver_id")
    plain = read(write("a.csv", TRIP_HEADER, TRIP), write("b.csv", FARE_HEADER, TRIP_FARE))
    renamed = read(write("c.csv", header, TRIP), write("d.csv", fare_header, TRIP_FARE))
    assert renamed.events.equals(plain.events)


def test_the_debs_layout_without_header_gives_the_same_trip(read: Read, write: Write) -> None:
    fields = dict(zip(TRIP_HEADER.split(", "), TRIP.split(","), strict=True))
    fields |= dict(zip(FARE_HEADER.split(", "), TRIP_FARE.split(","), strict=True))
    debs = read(write("debs.csv", ",".join(fields[name] for name in DEBS_COLUMNS)))
    foil = read(write("a.csv", TRIP_HEADER, TRIP), write("b.csv", FARE_HEADER, TRIP_FARE))
    lacks = ["vendor_id", "passenger_count", "rate_code"]
    assert debs.events.drop(lacks).equals(foil.events.drop(lacks))
    assert foil.ends["rate_code"].to_list() == [1]
