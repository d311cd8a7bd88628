"""Records as tasks read them: where each is, in times that need no zone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa

from hailstream.archive.manifest import read_manifest
from hailstream.archive.pieces import pieces_of
from hailstream.archive.store import open_store
from hailstream.curate.raw import read_placed
from hailstream.settings import Settings
from hailstream.topics import TRIPS_ENDED
from tests.archived import archive_records

COLUMNS = ("trip_id", "record_time")


def test_each_record_has_a_place_of_its_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, archive=(tmp_path / "archive").as_uri())
    times = [datetime(2024, 1, 1, 8), datetime(2024, 1, 1, 9), datetime(2024, 1, 2, 8)]
    archive_records(settings, pl.DataFrame({"trip_id": ["a", "b", "c"], "event_time": times}))
    store = open_store(TRIPS_ENDED, settings)
    files = {path: size for path, size in store.data_files().items() if path in read_manifest(store).files}
    found = read_placed(settings, pieces_of(TRIPS_ENDED, store, files, None, None), COLUMNS).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("a", times[0], 0, 0),
        ("b", times[1], 0, 1),
        ("c", times[2], 1, 0),
    ]


def test_of_no_piece_there_are_no_records(tmp_path: Path) -> None:
    rows = read_placed(Settings(home=tmp_path), [], COLUMNS)
    assert rows.num_rows == 0
    assert rows.schema.field("record_time").type == pa.timestamp("us")
