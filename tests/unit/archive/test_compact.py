"""Compaction makes fewer files of the same records, whenever it is interrupted."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pyarrow.fs as pafs
import pytest

from hailstream.archive.compact import Compacted, compact
from hailstream.archive.manifest import Partition, counted_files, read_manifest
from hailstream.archive.pieces import Piece, read_piece
from hailstream.archive.store import Store
from hailstream.errors import HailstreamError
from tests.disk import small_disk

FIRST, SECOND = "event_date=2024-01-01/event_hour=00", "event_date=2024-01-01/event_hour=01"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two folders of three files each, two records a file."""
    for number in range(6):
        folder = tmp_path / (FIRST if number < 3 else SECOND)
        folder.mkdir(parents=True, exist_ok=True)
        rows = {"kafka_partition": [0, 1], "kafka_offset": [5 - number, number], "trip_id": [f"a{number}", None]}
        pl.DataFrame(rows).cast({"kafka_partition": pl.Int32}).write_parquet(folder / f"part-{number}")
    return Store(pafs.LocalFileSystem(), str(tmp_path))


def records(store: Store) -> list[tuple[object, ...]]:
    frames = [pl.read_parquet(store.path(path), hive_partitioning=False) for path in store.data_files()]
    return sorted(pl.concat(frames).rows(), key=str)


def test_each_folder_has_one_file_of_the_same_records(store: Store) -> None:
    before = records(store)
    assert compact(store) == Compacted(before=6, after=2, rows=12)
    assert records(store) == before
    assert [path.rpartition("/")[0] for path in store.present_files()] == [FIRST, SECOND]
    assert compact(store) == Compacted(before=2, after=2, rows=0)


def test_records_are_in_the_order_of_the_log(store: Store) -> None:
    compact(store)
    places = pl.read_parquet(store.path(next(iter(store.data_files())))).select("kafka_partition", "kafka_offset")
    assert places.rows() == sorted(places.rows())


def test_the_count_stays_and_is_not_made_anew(store: Store) -> None:
    before = read_manifest(store).partitions
    compact(store)
    kept = Path(store.path("_manifest.json")).read_bytes()
    assert read_manifest(store).partitions == before == {0: Partition(0, 6), 1: Partition(0, 6)}
    assert Path(store.path("_manifest.json")).read_bytes() == kept


def test_who_reads_by_an_older_count_is_told_that_its_files_are_gone(store: Store, tmp_path: Path) -> None:
    manifest = read_manifest(store)
    before = counted_files(store, manifest)
    assert before == store.data_files()
    compact(store)
    with pytest.raises(HailstreamError, match=f"{FIRST}/part-0 is gone") as refused:
        counted_files(store, manifest)
    assert "run it again" in refused.value.hint
    with pytest.raises(HailstreamError, match="is gone"):
        read_piece(store.files, Piece(0, store.path(f"{FIRST}/part-0"), 1), {})
    # Not deleted yet, it has what it had, and nothing is there twice.
    for path in before:
        (tmp_path / path).touch()
    assert counted_files(store, manifest).keys() == before.keys()


def test_files_that_are_large_enough_are_left(store: Store) -> None:
    assert compact(store, large_bytes=1) == Compacted(before=6, after=6, rows=0)
    size = max(store.data_files().values())
    assert compact(store, large_bytes=2 * size + 1) == Compacted(before=6, after=4, rows=8)


def test_a_run_that_was_killed_before_it_deleted_shows_no_record_twice(store: Store, tmp_path: Path) -> None:
    before = records(store)
    kept = {path: (tmp_path / path).read_bytes() for path in store.data_files()}
    compact(store)
    for path, content in kept.items():
        (tmp_path / path).write_bytes(content)
    assert len(store.present_files()) == 8
    assert records(store) == before
    assert read_manifest(store).gaps == []
    compact(store)
    assert len(store.present_files()) == 2
    assert records(store) == before


def test_a_broken_file_stops_it_and_nothing_is_deleted(store: Store, tmp_path: Path) -> None:
    read_manifest(store)
    (tmp_path / SECOND / "part-4").write_bytes(b"torn")
    with pytest.raises(HailstreamError, match="event_hour=01"):
        compact(store)
    assert sorted(path.name for path in (tmp_path / SECOND).iterdir()) == ["part-3", "part-4", "part-5"]


def test_a_full_disk_stops_it_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        full = Store(pafs.LocalFileSystem(), str(disk.folder))
        for number in range(3):
            folder = disk.folder / FIRST
            folder.mkdir(parents=True, exist_ok=True)
            noise = [dice.getrandbits(128).to_bytes(16) for dice in [random.Random(number)] for _ in range(2000)]
            rows = {"kafka_partition": [0] * 2000, "kafka_offset": range(2000 * number, 2000 * (number + 1))}
            frame = pl.DataFrame(rows | {"message": noise}).cast({"kafka_partition": pl.Int32})
            frame.write_parquet(folder / f"part-{number}")
        before = records(full)
        files = full.all_files().keys()
        with pytest.raises(HailstreamError, match=r"event_hour=00 cannot be compacted: .*No space left on device"):
            compact(full)
        assert full.all_files().keys() - {"_manifest.json"} == files
        assert records(full) == before
        disk.grow("1m")
        assert compact(full) == Compacted(before=3, after=1, rows=6000)
        assert records(full) == before


def test_what_a_killed_run_had_begun_to_write_goes(store: Store, tmp_path: Path) -> None:
    begun = tmp_path / FIRST / ".part-compacted-0"
    begun.write_bytes(b"PAR1")
    others = tmp_path / FIRST / ".part-7.inprogress.1"
    others.write_bytes(b"PAR1")
    compact(store)
    assert (begun.exists(), others.exists()) == (False, True)
