"""Only what can be no event is rejected, each row with its reason, its place and its text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hailstream.replay.events import open_source
from hailstream.replay.rejects import REASONS
from tests.unit.replay_sources.conftest import NOW, Read, column

Write = Callable[..., Path]

HEADER = "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,PULocationID,passenger_count,trip_distance,total_amount"


def row(
    start: str = "2017-08-01 00:29:45",
    end: str = "2017-08-01 00:39:51",
    zone: str = "145",
    passengers: str = "2",
    distance: str = "1.5",
    total: str = "13.3",
) -> str:
    return f"1,{start},{end},{zone},{passengers},{distance},{total}"


@pytest.mark.parametrize(
    ("line", "reason", "of"),
    [
        (row(start=""), "missing_time", "pickup_time"),
        (row(end="NULL"), "missing_time", "dropoff_time"),
        (row(start="2017-02-30 00:00:00"), "bad_time", "pickup_time"),
        (row(end="soon"), "bad_time", "dropoff_time"),
        (row(start="1969-12-31 18:59:59"), "before_1970", "started_at"),
        (row(end="2026-01-01 00:00:00"), "future", "ended_at"),
        (row(start="2084-11-04 12:32:24"), "future", "started_at"),
        (row(total="thirteen"), "bad_amount", "total_amount"),
        (row(total="100000000.00"), "bad_amount", "total_amount"),
        (row(total="-inf"), "bad_amount", "total_amount"),
        (row(total="1e300"), "bad_amount", "total_amount"),
        (row(passengers="two"), "bad_number", "passenger_count"),
        (row(passengers="1.5"), "bad_number", "passenger_count"),
        (row(zone="99999999999"), "bad_number", "pickup_location_id"),
        (row(distance="inf"), "bad_number", "trip_distance_miles"),
        (row(distance="far", start="soon"), "bad_time", "pickup_time"),
        (row() + ",extra", "field_count", None),
        ("1,2017-08-01 00:29:45,2017-", "field_count", None),
        ("\x00\x01\x02", "field_count", None),
    ],
)
def test_a_row_that_can_be_no_event_is_rejected_with_its_reason(
    read: Read, write: Write, line: str, reason: str, of: str | None
) -> None:
    path = write("a.csv", HEADER, row(), "", line, row())
    replayed = read(path)
    assert (replayed.report.rows_read, replayed.report.rows_accepted) == (3, 2)
    assert replayed.report.rejects == {reason: 1}
    assert replayed.rejected == [{"file": str(path), "row": "4", "reason": reason, "column": of, "text": line}]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (row(total="-52.80"), "total_amount", -5280),
        (row(total="99999999.99"), "total_amount", 9_999_999_999),
        (row(total="429490.20"), "total_amount", 42_949_020),
        (row(total="7.2999999999999998"), "total_amount", 730),
        (row(total="0.125"), "total_amount", 13),
        (row(total="-0.125"), "total_amount", -13),
        (row(total=""), "total_amount", None),
        (row(total="NaN"), "total_amount", None),
        (row(total=" 5 "), "total_amount", 500),
        (row(passengers="0"), "passenger_count", 0),
        (row(passengers="3.0"), "passenger_count", 3),
        (row(passengers=""), "passenger_count", None),
        (row(distance="-24.49"), "trip_distance_miles", -24.49),
        (row(distance="201421.68"), "trip_distance_miles", 201421.68),
        (row(distance=".70"), "trip_distance_miles", 0.7),
        (row(zone="999"), "pickup_location_id", 999),
        (row(end="2017-07-01 00:00:00"), "started_at", datetime(2017, 8, 1, 4, 29, 45, tzinfo=UTC)),
        (row(start="1970-01-01 00:00:00"), "started_at", datetime(1970, 1, 1, 5, tzinfo=UTC)),
    ],
)
def test_what_is_odd_but_readable_is_an_event(read: Read, write: Write, line: str, name: str, value: object) -> None:
    replayed = read(write("a.csv", HEADER, line))
    assert replayed.report.rejects == {}
    assert column(replayed.ends, name) == [value]


def test_an_event_of_this_very_moment_is_not_in_the_future(read: Read, write: Write) -> None:
    path = write("a.csv", HEADER, row())
    ended = datetime(2017, 8, 1, 4, 39, 51, tzinfo=UTC)
    assert read(path, now=ended).report.rejects == {}
    assert read(path, now=datetime(2017, 8, 1, 4, 39, 50, tzinfo=UTC)).report.rejects == {"future": 1}


def test_rejects_of_parquet_name_the_row_and_show_it(read: Read, tmp_path: Path) -> None:
    start = datetime(2017, 8, 1, 0, 30)
    pl.DataFrame(
        {
            "lpep_pickup_datetime": [start, None, start, start],
            "lpep_dropoff_datetime": [start, start, start, datetime(2090, 1, 1)],
            "PULocationID": [1, 2, 3, 4],
            "total_amount": [1.0, 1.0, float("inf"), 1.0],
        },
        schema_overrides={"lpep_pickup_datetime": pl.Datetime("us")},
    ).write_parquet(tmp_path / "a.parquet")
    replayed = read(tmp_path / "a.parquet")
    assert replayed.report.rejects == {"bad_amount": 1, "future": 1, "missing_time": 1}
    assert [(r["row"], r["reason"]) for r in replayed.rejected] == [
        ("2", "missing_time"),
        ("3", "bad_amount"),
        ("4", "future"),
    ]
    assert '"pickup_location_id":4' in replayed.rejected[2]["text"]


def test_a_file_of_rejects_alone_gives_no_event_and_a_full_account(read: Read, write: Write) -> None:
    replayed = read(write("a.csv", HEADER, "torn", row(start="soon")))
    assert (replayed.bounds, replayed.total, replayed.events.height) == (None, 0, 0)
    assert replayed.report.rows_read == 2


def test_a_header_alone_gives_no_event(read: Read, write: Write) -> None:
    replayed = read(write("a.csv", HEADER))
    assert (replayed.total, replayed.report.rows_read, replayed.report.rejects_file) == (0, 0, None)


def test_a_clean_reading_leaves_no_rejects_of_an_earlier_one(read: Read, write: Write) -> None:
    dirty = read(write("a.csv", HEADER, "torn"))
    assert dirty.report.rejects_file is not None
    clean = read(write("a.csv", HEADER, row()))
    assert clean.report.rejects_file is None
    assert not dirty.report.rejects_file.exists()


def test_every_reason_is_explained_to_users() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sources.md").read_text()
    table = page.split("| reason | meaning |")[1]
    assert [reason for reason in REASONS if reason not in table] == []


_line = st.one_of(
    st.just(row()),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40),
    st.lists(st.sampled_from(["", "1", "-3.5", "2017-08-01 00:29:45", "x", '"', "nan", "1e9", " "]), max_size=9).map(
        ",".join
    ),
    st.builds(lambda s, cut: s[:cut], st.just(row()), st.integers(0, 60)),
    st.binary(max_size=30).map(lambda b: b.decode("latin-1").replace("\n", "")),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_line, max_size=40))
@example(["\x1f", "\x0b", "\x85", "\xa0", " \t"])
@example([",,,0000-00-00 00:00,A,,,"])
def test_whatever_the_lines_hold_each_is_accounted_for(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes("\n".join([HEADER, *lines]).encode("utf-8", "replace"))
    source = open_source(str(path), work_dir=tmp_path / "work", now=lambda: NOW)
    events = sum(batch.height for batch in source.batches())
    report = source.report()
    assert report.balanced
    # Blank is what Unicode calls white space; Python adds four separators to it.
    texts = [re.sub(r"[^\S\x1c-\x1f]", "", line) for line in path.read_bytes().decode().split("\n")[1:]]
    assert report.rows_read == sum(map(bool, texts))
    assert events == 2 * report.rows_accepted
