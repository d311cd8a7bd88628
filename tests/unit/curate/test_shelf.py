"""Parquet folders are seen whole or not at all, whenever a run is killed."""

from __future__ import annotations

import json
import resource
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pytest

from hailstream.curate.shelf import Shelf, by_month, open_shelf
from hailstream.errors import HailstreamError
from hailstream.settings import Settings

JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(pafs.LocalFileSystem(), str(tmp_path / "curated"))


def rows(*values: int) -> pa.Table:
    return pa.table({"month": pa.array([JANUARY] * len(values), pa.date32()), "value": pa.array(values)})


def written(shelf: Shelf, run: int, *months: date, value: int = 1) -> str:
    folder = shelf.begin(run)
    for month in months:
        shelf.write(folder, "things", month, rows(value))
    return folder


def seen(shelf: Shelf) -> list[str]:
    return sorted(str(path.relative_to(shelf.root)) for path in Path(shelf.root).glob("run-*/*/month=*"))


def test_nothing_is_seen_before_it_is_published(shelf: Shelf) -> None:
    folder = written(shelf, 1, JANUARY)
    assert seen(shelf) == []
    shelf.publish(folder, {JANUARY: folder})
    assert seen(shelf) == [f"{folder}/things/month=2024-01-01"]
    assert json.loads(Path(shelf.path("_published.json")).read_text()) == {"2024-01-01": folder}


def test_a_month_that_is_published_again_replaces_the_old_one_and_no_other(shelf: Shelf) -> None:
    first = written(shelf, 1, JANUARY, FEBRUARY)
    shelf.publish(first, {JANUARY: first, FEBRUARY: first})
    second = written(shelf, 2, FEBRUARY)
    shelf.publish(second, {JANUARY: first, FEBRUARY: second})
    assert seen(shelf) == [f"{first}/things/month=2024-01-01", f"{second}/things/month=2024-02-01"]
    third = written(shelf, 3, JANUARY)
    shelf.publish(third, {JANUARY: third, FEBRUARY: second})
    assert {path.split("/")[0] for path in seen(shelf)} == {second, third}
    assert not Path(shelf.path(first)).exists()


def test_a_run_that_was_killed_before_its_publication_leaves_nothing(shelf: Shelf) -> None:
    first = written(shelf, 1, JANUARY)
    shelf.publish(first, {JANUARY: first})
    written(shelf, 2, JANUARY, value=2)
    shelf.settle({JANUARY: first})
    shelf.begin(3)
    assert seen(shelf) == [f"{first}/things/month=2024-01-01"]
    assert [path.name for path in Path(shelf.root).glob(".run-*")] == []


def test_a_run_that_was_killed_after_its_publication_is_finished(shelf: Shelf) -> None:
    first = written(shelf, 1, JANUARY)
    shelf.publish(first, {JANUARY: first})
    second = written(shelf, 2, JANUARY, value=2)
    shelf.settle({JANUARY: second})
    assert seen(shelf) == [f"{second}/things/month=2024-01-01"]


def test_the_digest_is_of_the_rows(shelf: Shelf) -> None:
    folder = shelf.begin(1)
    one, again = (shelf.write(folder, "things", JANUARY, rows(1)) for _ in range(2))
    assert one == again != shelf.write(folder, "things", JANUARY, rows(2))


def test_a_month_can_be_taken_out_again(shelf: Shelf) -> None:
    folder = written(shelf, 1, JANUARY, FEBRUARY)
    shelf.drop(folder, JANUARY)
    shelf.publish(folder, {FEBRUARY: folder})
    assert seen(shelf) == [f"{folder}/things/month=2024-02-01"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "curated").write_text("a file")
    shelf = Shelf(pafs.LocalFileSystem(), str(tmp_path / "curated"))
    with pytest.raises(HailstreamError, match=r"cannot be written to .*curated"):
        shelf.write("run-1-abc", "things", JANUARY, rows(1))


def test_a_full_disk_is_told_and_what_was_published_stays(shelf: Shelf) -> None:
    first = written(shelf, 1, JANUARY)
    shelf.publish(first, {JANUARY: first})
    before = seen(shelf)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        with pytest.raises(HailstreamError, match="those that were published are as before"):
            shelf.write(shelf.begin(2), "things", JANUARY, rows(*range(10_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    shelf.remove_unfinished()
    assert seen(shelf) == before
    assert [path.name for path in Path(shelf.root).glob(".run-*")] == []


@pytest.mark.parametrize("address", ["nonsense://x", "s3://bucket/curated", "curated", "file://relative"])
def test_an_address_of_no_local_folder_is_named(address: str) -> None:
    with pytest.raises(HailstreamError, match=f"HAILSTREAM_CURATED: {address}") as refused:
        open_shelf(Settings(curated=address))
    assert refused.value.exit_code == 2


def test_rows_are_divided_by_month() -> None:
    both = pa.table({"month": pa.array([FEBRUARY, JANUARY, FEBRUARY], pa.date32()), "value": pa.array([1, 2, 3])})
    assert {month: part["value"].to_pylist() for month, part in by_month(both).items()} == {
        JANUARY: [2],
        FEBRUARY: [1, 3],
    }
