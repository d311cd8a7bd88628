"""The figures that are known of the reference files come out of the events."""

from __future__ import annotations

import tarfile
from pathlib import Path

import polars as pl
import pytest

from hailstream.domain.clock import to_utc
from hailstream.errors import HailstreamError
from hailstream.replay.events import SENDING_ORDER, open_source
from tests.unit.replay_sources.conftest import Read


def test_green_of_january_2024(shared_data: Path, read: Read) -> None:
    replayed = read(shared_data / "green_tripdata_2024-01.parquet")
    assert (replayed.report.rows_read, replayed.report.rows_accepted, replayed.report.rejects) == (56_551, 56_551, {})
    assert (replayed.starts.height, replayed.ends.height) == (56_551, 56_551)
    assert replayed.ends["total_amount"].sum() == 126_692_259
    zones = replayed.starts["pickup_location_id"].value_counts(sort=True)
    assert zones.head(4).rows() == [(74, 12_141), (75, 8_458), (95, 2_915), (43, 2_765)]
    assert replayed.ends["payment_type"].null_count() == 3_415
    assert replayed.ends["passenger_count"].null_count() == 3_415
    assert replayed.ends.filter(pl.col("total_amount") < 0).height == 185
    assert replayed.ends.filter(pl.col("trip_distance_miles") == 0).height == 2_870
    assert replayed.events["trip_id"].n_unique() == 56_551
    assert replayed.events["source"].unique().to_list() == ["green:2024-01"]
    hours = replayed.starts.group_by(
        pl.col("event_time").dt.convert_time_zone("America/New_York").dt.truncate("1h"), "pickup_location_id"
    ).len()
    assert (hours.height, hours["len"].max()) == (16_516, 66)


def test_yellow_sample_of_three_years(shared_data: Path, read: Read) -> None:
    replayed = read(shared_data / "yellow_sample_2018-01_2020-12.parquet")
    by_payment = replayed.ends.group_by("payment_type").agg(pl.len(), pl.col("total_amount").sum())
    assert {row[0]: row[1:] for row in by_payment.rows()} == {
        1: (247_545, 465_357_954),
        2: (101_166, 147_396_229),
        3: (2_173, 45_496_203),
        4: (872, 195_338),
        None: (8_244, 27_164_752),
    }
    assert replayed.report.rows_read == 360_000
    assert replayed.ends["congestion_surcharge"].null_count() == 126_327
    # No month in the file's name is the only one, so each event says its own.
    assert {"yellow:2018-01", "yellow:2020-12"} < set(replayed.events["source"].unique())
    # More than one batch, each from DuckDB's parallel sort: the order must hold across them.
    assert replayed.events.select(SENDING_ORDER).equals(replayed.events.select(SENDING_ORDER).sort(SENDING_ORDER))


def test_rides_of_new_year_2013_with_their_fares(shared_data: Path, read: Read) -> None:
    replayed = read(shared_data / "ride_events_2013-01-01.csv.gz", shared_data / "fare_events_2013-01-01.csv.gz")
    assert (replayed.starts.height, replayed.ends.height) == (53_550, 46_450)
    assert replayed.report.rows_read == 100_000 + 9_989
    assert replayed.report.rejects == {}
    quarters = replayed.starts.group_by(pl.col("event_time").dt.truncate("15m")).len().sort("event_time")
    assert quarters["len"].to_list() == [4749, 7840, 8132, 8278, 8351, 8091, 7810, 299]
    fared = replayed.ends.filter(pl.col("total_amount").is_not_null())
    # Every one of the 9,989 fares has a ride; 9,989 joined means that each of those rides ended in the file.
    assert fared.height == 9_989
    assert fared["total_amount"].sum() == 13_066_586
    assert dict(fared["payment_type"].value_counts().iter_rows()) == {1: 3_993, 2: 5_994, 5: 2}
    tips = fared.group_by("driver_id").agg(pl.col("tip_amount").sum()).sort("tip_amount", descending=True)
    assert tips.head(3).rows() == [("2013005747", 5180), ("2013006686", 3826), ("2013006587", 3000)]
    assert fared["fare_amount"].null_count() == fared.height
    durations = replayed.ends.select((pl.col("event_time") - pl.col("started_at")).dt.total_seconds()).to_series()
    assert (durations.max(), (durations > 3600).sum(), (durations == 0).sum()) == (4_680, 23, 159)


def test_rides_without_fares_are_the_same_events(shared_data: Path, read: Read) -> None:
    plain = read(shared_data / "ride_events_2013-01-01.csv.gz")
    fared = read(shared_data / "ride_events_2013-01-01.csv.gz", shared_data / "fare_events_2013-01-01.csv.gz")
    of_fares = ["payment_type", "tip_amount", "tolls_amount", "total_amount"]
    assert plain.events.drop(of_fares).equals(fared.events.drop(of_fares))
    assert plain.report.rows_read == 100_000


def test_every_row_of_the_161_monthly_samples_is_an_event_or_a_reject(
    shared_data: Path, tmp_path: Path, read: Read
) -> None:
    files = _unpack(shared_data / "tlc_monthly_samples_2009_2017.tar.gz", tmp_path / "months")
    assert len(files) == 161
    replayed = read(*files)
    assert (replayed.report.rows_accepted, replayed.report.rejects) == (15_802, {})
    ends = replayed.ends.partition_by("source", as_dict=True)
    starts = replayed.starts.partition_by("source", as_dict=True)
    for file in files:
        kind, month = file.stem.split("_tripdata_")
        of_file, begun = ends[(f"{kind}:{month}",)], starts[(f"{kind}:{month}",)]
        assert of_file.height == begun.height == _data_lines(file), file
        # Read by the right columns: each has a place, an amount and a payment in its range.
        assert of_file["total_amount"].null_count() == 0, file
        assert of_file["payment_type"].is_in([1, 2, 3, 4, 5]).all(), file
        by_zone = month >= "2016-07"
        assert begun["pickup_location_id"].null_count() == (0 if by_zone else begun.height), file
        assert begun["pickup_longitude"].null_count() == (begun.height if by_zone else 0), file
        assert begun["passenger_count"].is_between(0, 9).all(), file


def test_torn_heads_of_the_official_files_account_for_every_line(shared_data: Path, tmp_path: Path, read: Read) -> None:
    files = _unpack(shared_data / "tlc_header_heads_2009_2020.tar.gz", tmp_path / "heads")
    trips = [file for file in files if file.name.startswith(("yellow", "green"))]
    assert (len(files), len(trips)) == (304, 221)
    replayed = read(*trips)
    assert replayed.report.rejects.keys() == {"field_count"}
    assert replayed.report.rows_read == sum(_data_lines(file) for file in trips)
    events = dict(replayed.events["source"].value_counts().iter_rows())
    rejected = pl.DataFrame(replayed.rejected)
    for file in trips:
        kind, month = file.stem.split("_tripdata_")
        torn = rejected.filter(pl.col("file") == str(file))
        assert events[f"{kind}:{month}"] // 2 + torn.height == _data_lines(file), file
        for reject in torn.iter_rows(named=True):
            line = file.read_bytes().split(b"\n")[int(reject["row"]) - 1].decode().rstrip("\r")
            assert reject["text"] == line
    assert rejected.height > 150


def test_every_layout_of_vehicles_for_hire_is_refused(shared_data: Path, tmp_path: Path) -> None:
    files = _unpack(shared_data / "tlc_header_heads_2009_2020.tar.gz", tmp_path / "heads")
    for_hire = [file for file in files if file.name.startswith("fhv")]
    assert len(for_hire) == 82
    for file in for_hire:
        with pytest.raises(HailstreamError, match=r"for-hire vehicles .* not supported yet"):
            open_source(str(file), work_dir=tmp_path)


def test_the_lookup_of_zones_is_no_trip_file(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match=r"LocationID, Borough, Zone, service_zone; missing: pick-up time") as e:
        open_source(str(shared_data / "taxi_zone_lookup.csv"), work_dir=tmp_path)
    assert "yellow and green" in e.value.hint
    with pytest.raises(HailstreamError, match="unknown layout"):
        open_source(str(shared_data / "weather_hourly_2013.csv.gz"), work_dir=tmp_path)


def test_a_part_of_the_time_holds_the_events_of_that_time(shared_data: Path, read: Read) -> None:
    whole = read(shared_data / "ride_events_2013-01-01.csv.gz")
    start, until = (to_utc(t) for t in pl.Series(["2013-01-01 00:15", "2013-01-01 00:30"]).str.to_datetime().to_list())
    part = read(shared_data / "ride_events_2013-01-01.csv.gz", start=start, until=until)
    wanted = whole.events.filter((pl.col("event_time") >= start) & (pl.col("event_time") < until))
    assert part.events.equals(wanted)
    assert part.starts.height == 7840


def _unpack(archive: Path, into: Path) -> list[Path]:
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    return sorted(path for path in into.rglob("*") if path.is_file())


def _data_lines(file: Path) -> int:
    """Lines that are not blank, without the header, counted in the plainest way."""
    return sum(1 for line in file.read_bytes().split(b"\n") if line.strip()) - 1
