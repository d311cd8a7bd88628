"""Pieces of an archive: every row in one of them, no more together than a task holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from hailstream.archive import pieces
from hailstream.archive.months import Month, Part, beside, publish
from hailstream.archive.pieces import Piece, pieces_of, read_piece, tasks_of
from hailstream.archive.store import Store
from hailstream.errors import HailstreamError
from hailstream.topics import TRIPS_ENDED

FILES = pafs.LocalFileSystem()
COLUMNS = {"trip_id": pa.string(), "record_time": pa.timestamp("us"), "fare_cents": pa.int64()}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(FILES, str(tmp_path / "live" / TRIPS_ENDED.base))


def write(path: Path, first: int, rows: int, group: int = 1_000_000) -> int:
    """Rows numbered from ``first`` on; the size of their file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ids = [f"trip {number}" for number in range(first, first + rows)]
    times = pa.array([1_704_100_000_000 + number for number in range(first, first + rows)], pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table({"trip_id": ids, "record_time": times}), path, row_group_size=group)
    return path.stat().st_size


def ids(found: list[Piece]) -> list[str]:
    return [trip for piece in found for trip in read_piece(FILES, piece, COLUMNS)["trip_id"].to_pylist()]


def test_a_large_file_is_read_by_its_row_groups_and_a_small_one_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    eight, nine = (f"event_date=2024-01-01/event_hour={hour}/part-0" for hour in ("08", "09"))
    sizes = {
        eight: write(Path(store.path(eight)), 0, 5),
        nine: write(Path(store.path(nine)), 5, 100, group=10),
    }
    months = beside(store)
    write(Path(months.path("yellow-2024-01/v1/part-1")), 105, 70, group=20)
    times = (1_704_100_000_105, 1_704_100_000_174)
    parts = {TRIPS_ENDED.base: (Part("v1/part-1", 70, *times),)}
    publish(months, Month("yellow-2024-01", "v1", "file", "sha", 70, {}, parts))
    monkeypatch.setattr(pieces, "PIECE_BYTES", max(sizes.values()) // 3)
    found = pieces_of(TRIPS_ENDED, store, sizes, None, None)
    assert [piece.groups for piece in found[:2]] == [None, (0, 1, 2)]
    assert [piece.number for piece in found] == list(range(len(found)))
    assert ids(found) == [f"trip {number}" for number in range(175)]
    assert ids(pieces_of(TRIPS_ENDED, store, sizes, None, None, backfilled=False)) == ids(found)[:105]
    before_nine = pieces_of(TRIPS_ENDED, store, sizes, None, datetime(2024, 1, 1, 9, tzinfo=UTC))
    assert ids(before_nine) == [f"trip {number}" for number in range(5)]


def test_tasks_have_all_pieces_in_order_and_are_enough_for_all_cores() -> None:
    some = [Piece(number, "file", 10) for number in range(10)]
    assert tasks_of(some, 2) == [tuple(some[:5]), tuple(some[5:])]
    assert [len(task) for task in tasks_of(some, 100)] == [1] * 10
    large = [Piece(number, "file", pieces.PIECE_BYTES // 2) for number in range(6)]
    assert [len(task) for task in tasks_of(large, 1)] == [2, 2, 2]
    assert tasks_of([], 2) == []


def test_a_column_that_a_file_has_not_is_null_and_times_are_utc(tmp_path: Path) -> None:
    write(tmp_path / "part-0", 0, 2)
    rows = read_piece(FILES, Piece(0, str(tmp_path / "part-0"), 1), COLUMNS)
    assert rows["fare_cents"].to_pylist() == [None, None]
    assert rows["record_time"].to_pylist()[0] == datetime(2024, 1, 1, 9, 6, 40)


def test_a_file_that_is_torn_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-0").write_bytes(b"PAR1torn")
    with pytest.raises(HailstreamError, match="part-0 is no readable file of the archive"):
        read_piece(FILES, Piece(0, str(tmp_path / "part-0"), 1), COLUMNS)
