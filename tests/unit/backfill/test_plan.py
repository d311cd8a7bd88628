"""Of which month a file is, and that two files cannot be of one."""

from __future__ import annotations

import tarfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from hailstream.backfill.files import monthly_file, unpacked
from hailstream.backfill.plan import TASK_ROWS, grouped, months_of
from hailstream.errors import HailstreamError
from tests.unit.backfill.conftest import planned, trip, trips

COLUMNS = {
    "tpep_pickup_datetime": pl.Series(["2019-01-02 00:00:00"]).str.to_datetime(),
    "tpep_dropoff_datetime": pl.Series(["2019-01-02 00:10:00"]).str.to_datetime(),
    "PULocationID": pl.Series([74]),
}


def parquet(path: Path, months: list[object]) -> Path:
    """A file with a row for each of the months in its column."""
    rows = pl.concat([pl.DataFrame(COLUMNS)] * len(months))
    rows.with_columns(source_month=pl.Series(months)).write_parquet(path)
    return path


def text(path: Path, *lines: str) -> Path:
    path.write_text(trips(*lines or (trip(0),)))
    return path


def test_a_name_with_one_month_tells_it_and_the_columns_tell_the_kind(tmp_path: Path) -> None:
    [found] = planned(text(tmp_path / "yellow_tripdata_2019-01.csv"))
    assert (found.name, found.stretches, found.pieces) == ("yellow-2019-01", (), [None])
    lines = trips(trip(0)).replace("tpep", "lpep")
    (tmp_path / "yellow_2019-01.csv").write_text(lines)
    assert [month.name for month in planned(tmp_path / "yellow_2019-01.csv")] == ["green-2019-01"]


@pytest.mark.parametrize("name", ["trips.csv", "trips_2019-01_2019-02.csv", "trips_2019-13.csv"])
def test_a_name_that_tells_no_month_or_several_asks_for_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(HailstreamError, match=r"names (no month|2 months)") as raised:
        planned(text(tmp_path / name))
    assert "--month" in raised.value.hint
    assert [month.name for month in planned(tmp_path / name, month="2020-05")] == ["yellow-2020-05"]


def test_a_column_tells_the_month_of_each_row_whatever_the_name_says(tmp_path: Path) -> None:
    file = parquet(tmp_path / "2011-05.parquet", ["2019-02", "2019-02", "2019-01", "2019-02"])
    january, february = planned(file)
    assert (january.name, january.stretches) == ("yellow-2019-01", (range(2, 3),))
    assert (february.name, february.stretches) == ("yellow-2019-02", (range(2), range(3, 4)))
    dates = parquet(tmp_path / "dates.parquet", [date(2019, 1, 5), date(2019, 1, 6)])
    assert [month.name for month in planned(dates)] == ["yellow-2019-01"]


@pytest.mark.parametrize("wrong", ["2019-13", "January", None])
def test_a_row_without_a_month_is_named(tmp_path: Path, wrong: str | None) -> None:
    with pytest.raises(HailstreamError, match=r"a\.parquet: row 2: source_month is"):
        planned(parquet(tmp_path / "a.parquet", ["2019-01", wrong]))


def test_rows_of_months_that_are_mixed_are_to_be_sorted(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="in 30 stretches") as raised:
        planned(parquet(tmp_path / "a.parquet", ["2019-01", "2019-02"] * 30))
    assert "sort it by source_month" in raised.value.hint


def test_two_files_of_one_month_are_refused_and_named(tmp_path: Path) -> None:
    first, second = text(tmp_path / "a_2019-01.csv"), text(tmp_path / "b_2019-01.csv", trip(1))
    with pytest.raises(HailstreamError, match=r"yellow-2019-01: a_2019-01\.csv and b_2019-01\.csv"):
        planned(first, second)


def test_a_copy_of_a_file_is_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    files = [text(tmp_path / "a_2019-01.csv"), text(tmp_path / "copy" / "a_2019-01.csv")]
    assert [month.file.path for month in planned(*files)] == files[:1]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("dispatching_base_num,pickup_datetime\nB1,2019-01-01 00:00:00\n", "for-hire"),
        ("a,b\n1,2\n", "unknown layout"),
        ("1,START,2013-01-01 00:00:00,1970-01-01 00:00:00,-73.9,40.7,-73.9,40.7,1,5,6\n", "no monthly file"),
        (
            "medallion,hack_license,pickup_datetime,dropoff_datetime,pickup_longitude,pickup_latitude\n",
            "no monthly file",
        ),
        ("", "empty"),
    ],
)
def test_what_is_no_monthly_file_is_named(tmp_path: Path, lines: str, what: str) -> None:
    (tmp_path / "x_2019-01.csv").write_text(lines)
    with pytest.raises(HailstreamError, match=rf"x_2019-01\.csv.*{what}"):
        planned(tmp_path / "x_2019-01.csv")


def test_a_tar_gives_its_files_by_their_own_names(tmp_path: Path) -> None:
    text(tmp_path / "a_2019-01.csv")
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a_2019-01.csv", "one/a_2019-01.csv")
        archive.add(tmp_path / "a_2019-01.csv", "two/._a_2019-01.csv")
        archive.add(tmp_path / "a_2019-01.csv", "../three/a_2019-01.csv")
    found = list(unpacked([str(tmp_path / "all.tar.gz"), str(tmp_path / "none*")], tmp_path / "scratch"))
    assert [source for source, _ in found[:2]] == ["all.tar.gz/one/a_2019-01.csv", "all.tar.gz/../three/a_2019-01.csv"]
    paths = [path for _, path in found[:2] if isinstance(path, Path)]
    assert {(path.name, path.read_text()) for path in paths} == {("a_2019-01.csv", trips(trip(0)))}
    assert all(path.resolve().is_relative_to(tmp_path / "scratch") for path in paths)
    assert isinstance(found[2][1], HailstreamError)


def test_a_torn_tar_gives_what_is_whole_and_an_error(tmp_path: Path) -> None:
    for number in range(3):
        text(tmp_path / f"{number}_2019-0{number + 1}.csv", *map(trip, range(60)))
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for number in range(3):
            archive.add(tmp_path / f"{number}_2019-0{number + 1}.csv", f"{number}.csv")
    torn = tmp_path / "torn.tar"
    torn.write_bytes((tmp_path / "all.tar").read_bytes()[:8000])
    (tmp_path / "scratch").mkdir()
    *whole, (name, error) = unpacked([str(torn)], tmp_path / "scratch")
    assert [source for source, _ in whole] == ["torn.tar/0.csv"]
    assert name == "torn.tar"
    assert isinstance(error, HailstreamError)
    assert "damaged archive" in error.message


def test_a_large_month_is_read_in_pieces_and_none_is_cut_between_groups(tmp_path: Path) -> None:
    [found] = months_of(monthly_file("a", parquet(tmp_path / "a_2019-01.parquet", ["2019-01"])))
    large = type(found)(found.name, found.file, (range(10, 10 + 2 * TASK_ROWS + 1),))
    pieces = [piece for piece in large.pieces if piece is not None]
    assert [piece.start for piece in pieces[1:]] == [piece.stop for piece in pieces[:-1]]
    assert (len(pieces), pieces[0].start, sum(map(len, pieces))) == (3, 10, 2 * TASK_ROWS + 1)
    assert [len(group) for group in grouped([found, found, large, found], 2)] == [2, 1, 1]
    assert grouped([], 2) == []
