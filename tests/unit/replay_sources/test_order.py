"""Events come in the order promised, ids depend on the trip alone, and a part of a file is what was asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from hailstream.errors import HailstreamError
from hailstream.replay import text
from hailstream.replay.events import SENDING_ORDER, open_source
from tests.unit.replay_sources.conftest import NOW, Read, column

Write = Callable[..., Path]

HEADER = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,PULocationID,total_amount"
START = datetime(2017, 8, 1)


def rows(count: int) -> list[str]:
    """Trips out of order, many at the same second."""
    lines = []
    for i in range(count):
        start = START + timedelta(seconds=i * 7919 % 97)
        lines.append(f"1,{start},{start + timedelta(seconds=i % 5)},{i % 260},{i}.25")
    return lines


def test_events_are_sorted_by_time_then_start_before_end_then_id(read: Read, write: Write) -> None:
    events = read(write("a.csv", HEADER, *rows(500))).events.select(SENDING_ORDER)
    assert events.equals(events.sort(SENDING_ORDER))
    assert events["event_time"].n_unique() < events.height / 5


def test_the_order_of_rows_does_not_change_what_is_sent(read: Read, write: Write) -> None:
    lines = rows(300)
    forward = read(write("a.csv", HEADER, *lines))
    backward = read(write("b.csv", HEADER, *reversed(lines)))
    assert forward.events.equals(backward.events)


def test_an_id_depends_on_neither_file_name_nor_format_nor_spelling(read: Read, write: Write, tmp_path: Path) -> None:
    csv = read(write("yellow_tripdata_2017-08.csv", HEADER, *rows(50)))
    pl.read_csv(tmp_path / "yellow_tripdata_2017-08.csv", try_parse_dates=True).with_columns(
        pl.col("VendorID").cast(pl.Float64)
    ).write_parquet(tmp_path / "other.parquet")
    assert read(tmp_path / "other.parquet").events.equals(csv.events)


def test_an_id_is_the_md5_of_the_canonical_text_of_the_row(read: Read, write: Write) -> None:
    # Spelled out, because another version of a library, or of this code, must not rename the trips of the past.
    line = "CMT,2017-08-01 00:00:09,2017-08-01 00:01:00,145,7.1,0.30,-73.98,2.0,CSH"
    replayed = read(
        write("a.csv", f"{HEADER},trip_distance,pickup_longitude,passenger_count,payment_type", line),
    )
    wall_clock_ms = [1501545609000, 1501545660000]
    values = ["yellow", *wall_clock_ms, "1", None, None, 145, None, None, -73.98, None, None, 2, 0.3, 2, None]
    amounts = [None, None, None, None, None, None, None, 710]
    text = json.dumps([*values, *amounts], separators=(",", ":"))
    expected = hashlib.md5(text.encode()).hexdigest()[:24]
    assert column(replayed.events, "trip_id") == [expected, expected]


def test_equal_rows_are_one_trip_twice_and_any_difference_makes_two(read: Read, write: Write) -> None:
    line = rows(1)[0]
    replayed = read(write("a.csv", HEADER, line, line, line.replace("0.25", "0.26"), "2" + line[1:]))
    assert replayed.events["trip_id"].n_unique() == 3
    assert replayed.events.height == 8
    assert sorted(replayed.starts["trip_id"].value_counts()["count"]) == [1, 1, 2]


def test_the_same_trip_in_yellow_and_green_is_two_trips(read: Read, write: Write) -> None:
    yellow = read(write("a.csv", HEADER, rows(1)[0]))
    green = read(write("b.csv", HEADER.replace("tpep", "lpep"), rows(1)[0]))
    assert not set(yellow.events["trip_id"]) & set(green.events["trip_id"])
    assert set(green.events["source"]) == {"green:2017-08"}


def test_file_order_keeps_rows_as_they_stand_with_start_and_end_together(read: Read, write: Write) -> None:
    path = write("a.csv", HEADER, *rows(200))
    replayed = read(path, order="file")
    assert column(replayed.events, "is_end") == [False, True] * 200
    assert column(replayed.ends, "total_amount") == [i * 100 + 25 for i in range(200)]
    assert column(replayed.starts, "trip_id") == column(replayed.ends, "trip_id")
    assert replayed.events.sort(SENDING_ORDER).equals(read(path).events)


def test_several_files_are_merged_into_one_order(read: Read, write: Write) -> None:
    lines = rows(100)
    one = read(write("a.csv", HEADER, *lines))
    two = read(write("b.csv", HEADER, *lines[::2]), write("c.csv", HEADER, *lines[1::2]))
    assert two.events.equals(one.events)


def test_the_limit_counts_rows_in_the_order_of_the_file(read: Read, write: Write) -> None:
    path = write("a.csv", HEADER, "torn", *rows(5), "torn", *rows(20)[5:])
    replayed = read(path, limit=5)
    assert (replayed.report.rows_read, replayed.report.rejects) == (6, {"field_count": 1})
    assert replayed.events.height == 10
    assert read(path, limit=6).report.rejects == {"field_count": 2}
    assert read(path, limit=1000).report.rows_read == 22


def test_the_limit_spans_files(read: Read, write: Write) -> None:
    files = [write(f"{name}.csv", HEADER, *rows(4)) for name in "abc"]
    replayed = read(*files, limit=6, order="file")
    assert column(replayed.starts, "pickup_location_id") == [0, 1, 2, 3, 0, 1]


def test_the_limit_holds_across_blocks(read: Read, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_BLOCK_BYTES", 700)
    path = write("a.csv", HEADER, *rows(100))
    assert read(path, limit=37).events.height == 74
    assert read(path).report.rows_accepted == 100


def test_rows_are_numbered_across_blocks(read: Read, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.csv", "", HEADER, "", *rows(60), "torn", *rows(3), end="\r\n")
    whole = read(path)
    monkeypatch.setattr(text, "_BLOCK_BYTES", 97)
    cut = read(path)
    assert cut.events.equals(whole.events)
    assert [r["row"] for r in cut.rejected] == [r["row"] for r in whole.rejected] == ["64"]


def test_the_span_holds_its_start_and_not_its_end(read: Read, write: Write) -> None:
    line = "1,2017-08-01 00:10:00,2017-08-01 00:20:00,145,9"
    path = write("a.csv", HEADER, line)
    at = [datetime(2017, 8, 1, 4, minute, tzinfo=UTC) for minute in (10, 20)]
    assert column(read(path, start=at[0], until=at[1]).events, "is_end") == [False]
    assert column(read(path, start=at[1]).events, "is_end") == [True]
    nothing = read(path, start=at[1] + timedelta(seconds=1))
    assert (nothing.bounds, nothing.report.rows_accepted) == (None, 1)


def test_a_limit_of_rows_in_a_span_counts_those_that_give_an_event(read: Read, write: Write) -> None:
    lines = [f"1,2017-08-01 {h:02}:10:00,2017-08-01 {h:02}:20:00,{h},9" for h in range(12)]
    replayed = read(write("a.csv", HEADER, *lines), start=datetime(2017, 8, 1, 9, tzinfo=UTC), limit=3)
    assert column(replayed.starts, "pickup_location_id") == [5, 6, 7]
    assert replayed.report.rows_accepted == 8


def test_batches_can_be_read_again_and_side_by_side(write: Write, tmp_path: Path) -> None:
    source = open_source(str(write("a.csv", HEADER, *rows(50))), work_dir=tmp_path / "work", now=lambda: NOW)
    first = pl.concat(source.batches())
    pairs = list(zip(source.batches(), source.batches(), strict=True))
    assert all(a.equals(b) for a, b in pairs)
    assert pl.concat(a for a, _ in pairs).equals(first)


def test_nothing_but_rejects_stays_in_the_work_folder(write: Write, tmp_path: Path) -> None:
    work = tmp_path / "work"
    source = open_source(str(write("a.csv", HEADER, *rows(5), "torn")), work_dir=work, now=lambda: NOW)
    assert source.total_events() == 10
    assert len(list(work.iterdir())) == 2
    del source
    assert [path.name for path in work.iterdir()] == ["rejects.csv"]


def test_limits_and_spans_that_hold_nothing_are_refused(write: Write, tmp_path: Path) -> None:
    path = str(write("a.csv", HEADER, *rows(1)))
    with pytest.raises(HailstreamError, match="the limit is 0"):
        open_source(path, limit=0, work_dir=tmp_path)
    with pytest.raises(HailstreamError, match="nothing lies between"):
        open_source(path, start=NOW, until=NOW, work_dir=tmp_path)
    with pytest.raises(HailstreamError, match="cannot be mixed"):
        open_source([path, "sim:x"], work_dir=tmp_path)
