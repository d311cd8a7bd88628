"""Which months an archive has, and in what portions they are computed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pyarrow.fs as pafs
import pytest

from hailstream.archive.manifest import read_manifest
from hailstream.archive.months import Month, Part, beside, publish
from hailstream.archive.store import Store
from hailstream.curate.coverage import Coverage, coverage_of
from hailstream.errors import HailstreamError
from hailstream.topics import TRIPS_ENDED


def store_with(root: Path, *offsets: int) -> Store:
    for offset in offsets:
        folder = root / f"event_date=2024-01-{offset + 1:02}" / "event_hour=05"
        folder.mkdir(parents=True)
        frame = pl.DataFrame({"kafka_partition": [0], "kafka_offset": [offset]})
        frame.cast({"kafka_partition": pl.Int32}).write_parquet(folder / "part-0")
    return Store(pafs.LocalFileSystem(), str(root))


def coverage(root: Path, *offsets: int) -> Coverage:
    store = store_with(root, *offsets)
    return coverage_of(TRIPS_ENDED, store, read_manifest(store))


def test_days_of_the_archive_are_its_folders(tmp_path: Path) -> None:
    found = coverage(tmp_path, 0, 1, 2)
    assert list(found.sizes) == [date(2024, 1, day) for day in (1, 2, 3)]
    assert found.months(None, None) == [date(2023, 12, 1), date(2024, 1, 1)]
    assert found.months(date(2024, 1, 20), None) == [date(2024, 1, 1)]
    assert found.months(None, date(2024, 1, 1)) == [date(2023, 12, 1)]
    assert found.months(date(2024, 2, 1), None) == []


def test_an_archive_with_a_hole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="not whole: partition 0: 1 to 1 missing, 1 behind them"):
        coverage(tmp_path, 0, 2)


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="is empty"):
        coverage(tmp_path)


def test_days_of_backfilled_months_count_too(tmp_path: Path) -> None:
    store = store_with(tmp_path / TRIPS_ENDED.base, 0)
    days = {TRIPS_ENDED.base: tuple(1_546_300_800_000 + day * 86_400_000 for day in range(2))}
    parts = {TRIPS_ENDED.base: (Part("v/part-0", 100, 0, 0),)}
    beside(store).files.create_dir(beside(store).path("yellow-2019-01"))
    publish(beside(store), Month("yellow-2019-01", "v", "file", "digest", 100, {}, parts, days))
    found = coverage_of(TRIPS_ENDED, store, read_manifest(store))
    assert list(found.sizes) == [date(2024, 1, 1), date(2019, 1, 1), date(2019, 1, 2)]
    assert found.months(None, date(2023, 1, 1)) == [date(2018, 12, 1), date(2019, 1, 1)]


def test_months_are_computed_together_as_far_as_they_are_small() -> None:
    days = {date(2024, 1, 2) + timedelta(days=number): 10 for number in range(90)}
    found = Coverage(days, 0)
    months = [date(2024, number, 1) for number in (1, 2, 3)]
    assert list(found.chunks(months, 10_000, 3)) == [months]
    assert list(found.chunks(months, 10_000, 2)) == [months[:2], months[2:]]
    assert list(found.chunks(months, 600, 3)) == [months[:2], months[2:]]
    assert list(found.chunks(months, 1, 3)) == [[month] for month in months]
