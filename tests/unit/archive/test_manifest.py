"""An archive is complete as far as its files have every offset, once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailstream.archive.manifest import Manifest, Partition, read_manifest
from hailstream.archive.store import Store
from hailstream.errors import HailstreamError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(pafs.LocalFileSystem(), str(tmp_path))


def write(store: Store, name: str, places: Sequence[tuple[int, int]]) -> None:
    path = Path(store.path(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    partitions, offsets = zip(*places, strict=True)
    table = {"kafka_partition": pa.array(partitions, pa.int32()), "kafka_offset": pa.array(offsets, pa.int64())}
    pq.write_table(pa.table(table), path)


def test_a_partition_is_complete_up_to_its_first_gap(store: Store) -> None:
    write(store, "event_date=2024-01-01/event_hour=00/a.parquet", [(0, 0), (0, 2), (1, 7)])
    write(store, "event_date=2024-01-01/event_hour=01/b.parquet", [(0, 1), (0, 4), (1, 8)])
    manifest = read_manifest(store)
    assert manifest.partitions == {0: Partition(0, 3, beyond=1), 1: Partition(7, 9)}
    assert manifest.gaps == ["partition 0: 3 to 3 missing, 1 behind them"]


def test_the_file_that_was_missing_closes_the_gap(store: Store) -> None:
    write(store, "a.parquet", [(0, 0), (0, 1)])
    write(store, "c.parquet", [(0, 3), (0, 4)])
    assert read_manifest(store).partitions[0].end == 2
    write(store, "b.parquet", [(0, 2)])
    assert read_manifest(store).partitions == {0: Partition(0, 5)}
    assert read_manifest(store).gaps == []


def test_what_is_there_twice_is_told(store: Store) -> None:
    write(store, "a.parquet", [(0, 0), (0, 1), (0, 1)])
    write(store, "b.parquet", [(0, 1), (0, 2)])
    assert read_manifest(store).gaps == ["partition 0: 2 records more than once"]


def test_what_is_still_written_is_not_counted(store: Store) -> None:
    for name in (".a.parquet", "_temporary/a.parquet", "event_date=x/.part-0.parquet.inprogress.1"):
        write(store, name, [(0, 0)])
    assert read_manifest(store).partitions == {}


def test_an_archive_that_is_not_there_has_nothing(store: Store) -> None:
    assert read_manifest(Store(store.files, f"{store.root}/none")).partitions == {}


def test_files_are_read_once_and_counted_anew_when_one_is_gone(store: Store, tmp_path: Path) -> None:
    write(store, "a.parquet", [(0, 0)])
    write(store, "b.parquet", [(0, 1)])
    read_manifest(store)
    (tmp_path / "a.parquet").write_bytes(b"was counted, is not read again")
    assert read_manifest(store).partitions == {0: Partition(0, 2)}
    (tmp_path / "a.parquet").unlink()
    assert read_manifest(store).partitions == {0: Partition(1, 2)}


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"layout": 0}), '{"layout": 1, "files": 3}'])
def test_a_count_that_cannot_be_read_is_made_anew(store: Store, tmp_path: Path, content: str) -> None:
    write(store, "a.parquet", [(0, 0)])
    (tmp_path / "_manifest.json").write_text(content)
    assert read_manifest(store).partitions == {0: Partition(0, 1)}


def test_a_broken_file_is_named(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(HailstreamError, match=r"a\.parquet"):
        read_manifest(store)


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=12), max_size=6))
def test_ranges_are_those_of_all_offsets_whatever_file_they_are_in(files: list[list[int]]) -> None:
    manifest = Manifest()
    for offsets in files:
        manifest.add(3, np.array(offsets, np.int64))
    every = [offset for offsets in files for offset in offsets]
    found = [offset for first, end in manifest.ranges.get(3, []) for offset in range(first, end)]
    assert found == sorted(set(every))
    assert manifest.doubled.get(3, 0) == len(every) - len(set(every))
    ranges = manifest.ranges.get(3, [])
    assert all(end < first for (_, end), (first, _) in itertools.pairwise(ranges))
