"""Columns are found by name whatever a year called them; what is no trip file is refused with the reason."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from hailstream.errors import HailstreamError
from hailstream.replay.events import open_source
from tests.unit.replay_sources.conftest import Read, column

HEADER = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,PULocationID,total_amount"
ROW = "1,2017-08-01 00:29:45,2017-08-01 00:39:51,2,1.5,145,13.30"

Write = Callable[..., Path]


def test_case_spaces_order_and_further_columns_do_not_matter(read: Read, write: Write) -> None:
    plain = read(write("a.csv", HEADER, ROW))
    odd = read(
        write(
            "b.csv",
            ' TOTAL_amount ,cbd_congestion_fee,"PuLocationId", Trip_Distance,Passenger Count,'
            "TPEP_dropoff_datetime , tpep_pickup_datetime,airport_fee,vendor id",
            "13.3,0.75,145,1.50,2,2017-08-01 00:39:51,2017-08-01 00:29:45,1.25,1",
        )
    )
    assert odd.events.equals(plain.events)
    assert plain.events.height == 2


def test_a_column_that_a_file_lacks_is_null(read: Read, write: Write) -> None:
    end = read(write("a.csv", HEADER, ROW)).ends.row(0, named=True)
    assert end["total_amount"] == 1330
    for name in ("driver_id", "dropoff_location_id", "pickup_latitude", "payment_type", "congestion_surcharge", "raw"):
        assert end[name] is None


def test_a_byte_order_mark_and_crlf_are_no_part_of_the_data(read: Read, write: Write, tmp_path: Path) -> None:
    plain = read(write("a.csv", HEADER, ROW))
    marked = tmp_path / "b.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n\r\n{ROW}\r\n".encode())
    replayed = read(marked)
    assert replayed.events.equals(plain.events)
    assert replayed.report.rows_read == 1


def test_rows_under_2016_headers_may_have_blank_surplus_but_no_surplus_values(read: Read, write: Write) -> None:
    replayed = read(write("a.csv", HEADER, f"{ROW},,", f"{ROW},,7", f"{ROW}, ", ROW))
    assert (replayed.report.rows_accepted, replayed.report.rejects) == (3, {"field_count": 1})
    assert [r["row"] for r in replayed.rejected] == ["3"]


def test_quoted_fields_may_hold_commas(read: Read, write: Write) -> None:
    header = '"note","pickup_datetime","dropoff_datetime","PULocationID","total_amount"'
    rows = [
        '"a, b","2017-08-01 00:29:45","2017-08-01 00:39:51","145","13.3"',
        'plain,2017-08-01 00:29:45,2017-08-01 00:39:51,145,"13.3"',
        '"never closed,2017-08-01 00:29:45,2017-08-01 00:39:51,145,13.3',
    ]
    replayed = read(write("a.csv", header, *rows))
    assert (replayed.report.rows_accepted, replayed.report.rejects) == (2, {"field_count": 1})
    assert replayed.rejected[0]["text"] == rows[2]
    assert replayed.ends["total_amount"].to_list() == [1330, 1330]


def test_gzip_is_known_by_its_bytes_not_by_its_name(read: Read, write: Write, tmp_path: Path) -> None:
    plain = write("a.csv", HEADER, ROW)
    for name in ("b.csv.gz", "c.csv"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
        assert read(tmp_path / name).events.equals(read(plain).events)


@pytest.mark.parametrize(
    ("pickup", "dropoff"),
    [
        ("2017-08-01T00:29:45", "2017-08-01T00:39:51"),
        ("2017-08-01 00:29:45Z", "2017-08-01 00:39:51 UTC"),
        ("2017-08-01 00:29:45+00:00", "2017-08-01T00:39:51.000-0400"),
        ("2017-08-01 00:29:45.000", "2017-08-01 00:39:51.000000"),
        ("08/01/2017 12:29:45 AM", "08/01/2017 12:39:51 AM"),
        (" 2017-08-01 00:29:45 ", "2017-08-01 00:39:51"),
    ],
)
def test_a_time_is_wall_clock_however_it_is_written(read: Read, write: Write, pickup: str, dropoff: str) -> None:
    plain = read(write("a.csv", HEADER, ROW))
    replayed = read(write("b.csv", HEADER, f"1,{pickup},{dropoff},2,1.5,145,13.30"))
    assert replayed.events.equals(plain.events)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Credit CREDIT CRD CRE Cre 1 1.0", 1),
        ("Cash CASH CSH CAS Cas 2", 2),
        ("No_Charge NOC No_ 3", 3),
        ("Dispute DIS Dis 4", 4),
        ("UNK NA_ 5", 5),
        ("6", 6),
        ("0 _ Barter", None),
    ],
)
def test_words_and_codes_of_payment_are_one(read: Read, write: Write, words: str, code: int | None) -> None:
    rows = [f"{ROW},{word.replace('_', ' ')}" for word in words.split()]
    replayed = read(write("a.csv", f"{HEADER},payment_type", *rows))
    assert set(column(replayed.ends, "payment_type")) == {code}
    assert replayed.report.rows_accepted == len(rows)


@pytest.mark.parametrize(
    ("written", "vendor"), [("CMT", "1"), ("vts ", "2"), ("2.0", "2"), ("DDS", "DDS"), ("", None), ("NULL", None)]
)
def test_words_and_codes_of_vendors_are_one(read: Read, write: Write, written: str, vendor: str | None) -> None:
    replayed = read(write("a.csv", HEADER, written + ROW[1:]))
    assert column(replayed.events, "vendor_id") == [vendor, vendor]


def test_parquet_says_the_same_with_other_types(read: Read, write: Write, tmp_path: Path) -> None:
    plain = read(write("a.csv", HEADER, ROW, "," + ROW[2:].replace(",2,", ",,")))
    frame = pl.DataFrame(
        {
            "VendorID": [1.0, float("nan")],
            "tpep_pickup_datetime": ["2017-08-01 00:29:45"] * 2,
            "tpep_dropoff_datetime": ["2017-08-01 00:39:51"] * 2,
            "passenger_count": [2.0, None],
            "trip_distance": pl.Series(["1.5", "1.5"]).cast(pl.Decimal(6, 2)),
            "PULocationID": pl.Series([145, 145], dtype=pl.UInt16),
            "total_amount": [13.3, 13.3],
        }
    )
    times = pl.col("tpep_pickup_datetime", "tpep_dropoff_datetime")
    for unit, zone in (("ms", None), ("us", "UTC"), ("ns", None), ("ns", "UTC")):
        typed = frame.with_columns(times.str.to_datetime(time_unit=unit, time_zone=zone))  # type: ignore[arg-type]
        typed.write_parquet(tmp_path / "b.parquet")
        assert read(tmp_path / "b.parquet").events.equals(plain.events), (unit, zone)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty"),
        ("blank.csv", b"\n\r\n \n", "empty"),
        ("gone.csv", None, "no such file"),
        ("text.csv.gz", b"VendorID,a\n", r"called \.gz but is not gzip"),
        ("cut.csv.gz", gzip.compress(b"x" * 100_000 + b"\n", mtime=0)[:60], "damaged or ends too soon"),
        ("empty.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("broken.parquet", b"PAR1 and no more", "no Parquet file, or a damaged one"),
        ("named.parquet", b"VendorID,pickup\n1,2\n", "no Parquet file, or a damaged one"),
        ("other.csv", b"station,temp\nJFK,3\n", r"columns found: station, temp; missing: pick-up time, drop-off time"),
        ("bytes.csv", bytes(range(256)) * 300, "unknown layout"),
        ("fares.csv", b"1,2013000001,2013000001,2013-01-01 00:00:00,CSH,0.00,0.00,21.50\n", "fares alone"),
        (
            "trip_fare.csv",
            b"medallion, hack_license, pickup_datetime, payment_type, total_amount\na,b,2013-01-01 00:00:00,CSH,1\n",
            "fares alone",
        ),
        ("months.tar", b"a" * 257 + b"ustar" + b"\n", "a tar archive"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HailstreamError, match=message) as error:
        open_source(str(path), work_dir=tmp_path)
    assert name in error.value.message


def test_archives_and_folders_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("a.csv", HEADER)
    with pytest.raises(HailstreamError, match="a zip archive") as zipped:
        open_source(str(tmp_path / "a.csv.zip"), work_dir=tmp_path)
    assert "unpack" in zipped.value.hint
    with pytest.raises(HailstreamError, match="a folder") as folder:
        open_source(str(tmp_path), work_dir=tmp_path)
    assert "*.parquet" in folder.value.hint


def test_a_gzip_file_that_is_cut_in_its_rows_is_an_error_and_not_a_shorter_month(read: Read, tmp_path: Path) -> None:
    whole = gzip.compress("\n".join([HEADER, *[f"{ROW[:-2]}{i % 90 + 10}" for i in range(20_000)]]).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) * 9 // 10])
    with pytest.raises(HailstreamError, match="damaged or ends too soon"):
        read(tmp_path / "cut.csv.gz")


def test_a_parquet_file_damaged_inside_is_an_error(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    days = pl.datetime_range(pl.datetime(2017, 1, 1), pl.datetime(2017, 3, 1), "1m", eager=True)
    pl.DataFrame({"lpep_pickup_datetime": days, "lpep_dropoff_datetime": days, "PULocationID": 1}).write_parquet(path)
    data = bytearray(path.read_bytes())
    data[4:40] = bytes(36)  # the footer is whole, the first page is not
    path.write_bytes(data)
    with pytest.raises(HailstreamError, match="a damaged one"):
        read(path)


def test_a_parquet_time_column_that_holds_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"pickup_datetime": [1], "dropoff_datetime": [2], "PULocationID": [3]}).write_parquet(path)
    with pytest.raises(HailstreamError, match="pickup_datetime holds int64, not wall-clock time"):
        open_source(str(path), work_dir=tmp_path)


def test_parquet_columns_that_are_dictionaries_or_all_null_are_read(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {
            "Trip_Pickup_DateTime": pl.Series(["2009-05-27 07:41:05"], dtype=pl.Categorical),
            "Trip_Dropoff_DateTime": ["2009-05-27 07:42:28"],
            "vendor_name": pl.Series(["CMT"], dtype=pl.Categorical),
            "Start_Lon": ["-73.97"],
            "Start_Lat": [40.74],
            "Rate_Code": pl.Series([None], dtype=pl.Null),
            "Payment_Type": pl.Series(["Credit"], dtype=pl.Categorical),
            "mta_tax": pl.Series([None], dtype=pl.Null),
        }
    ).write_parquet(path)
    end = read(path).ends.row(0, named=True)
    assert (end["vendor_id"], end["payment_type"], end["pickup_longitude"]) == ("1", 1, -73.97)
    assert end["rate_code"] is end["mta_tax"] is None


def test_a_parquet_file_without_rows_gives_no_event(read: Read, tmp_path: Path) -> None:
    empty = pl.DataFrame(
        schema={"lpep_pickup_datetime": pl.Datetime, "lpep_dropoff_datetime": pl.Datetime, "PULocationID": pl.Int32}
    )
    empty.write_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").total == 0


def test_a_work_folder_that_cannot_be_is_named(write: Write) -> None:
    path = str(write("a.csv", HEADER, ROW))
    with pytest.raises(HailstreamError, match=r"a\.csv.*cannot be made"):
        open_source(path, work_dir=Path(path) / "work")


def test_a_glob_names_files_in_order_of_their_names(read: Read, write: Write, tmp_path: Path) -> None:
    for month in ("2017-09", "2017-08"):
        write(f"yellow_tripdata_{month}.csv", HEADER, ROW.replace("2017-08", month))
    replayed = read(tmp_path / "yellow_*.csv", order="file")
    assert column(replayed.starts, "source") == ["yellow:2017-08", "yellow:2017-09"]
