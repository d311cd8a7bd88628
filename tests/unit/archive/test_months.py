"""A month is what its one small file says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.fs as pafs
import pytest

from hailstream.archive.months import Month, Part, beside, files_of, publish, published_month, published_months
from hailstream.archive.store import Store
from hailstream.errors import HailstreamError
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

NOON = datetime(2018, 1, 1, 12, tzinfo=UTC)
FIRST = round(NOON.timestamp() * 1000)
HOUR = 3_600_000


def month(name: str = "yellow-2018-01", version: str = "v1") -> Month:
    parts = [Part(f"{version}/trips.started.v1/part-{n}", 10, FIRST + n * HOUR, FIRST + n * HOUR + 5) for n in (0, 1)]
    return Month(name, version, "a.parquet", "abc", 21, {"bad_time": 1}, {TRIPS_STARTED.base: tuple(parts)})


@pytest.fixture
def months(tmp_path: Path) -> Store:
    (tmp_path / "live" / "backfill" / "yellow-2018-01").mkdir(parents=True)
    (tmp_path / "live" / "backfill" / "green-2018-01").mkdir()
    return beside(Store(pafs.LocalFileSystem(), str(tmp_path / "live" / TRIPS_STARTED.base)))


def test_a_month_is_read_as_it_was_published_and_the_last_one_counts(months: Store) -> None:
    publish(months, month())
    publish(months, month("green-2018-01"))
    publish(months, newer := replace(month(version="v2"), days={TRIPS_STARTED.base: (0, 5)}))
    assert published_months(months) == [month("green-2018-01"), newer]
    assert published_month(months, "yellow-2018-01") == newer


def test_where_nothing_is_published_there_is_no_month(months: Store) -> None:
    assert published_months(months) == []
    assert published_months(Store(months.files, f"{months.root}/none")) == []


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"layout": 2}', '{"layout": 1, "parts": {}, "days": 3}'])
def test_what_cannot_be_read_is_named(months: Store, content: str) -> None:
    Path(months.path("yellow-2018-01/current.json")).write_text(content)
    with pytest.raises(HailstreamError, match=r"yellow-2018-01/current\.json does not tell which version"):
        published_months(months)


def test_a_publication_that_fails_leaves_the_old_one(months: Store) -> None:
    publish(months, month())
    Path(months.path("yellow-2018-01/.current.json.v2")).mkdir()
    with pytest.raises(OSError, match=r"current\.json"):
        publish(months, month(version="v2"))
    assert published_month(months, "yellow-2018-01") == month()


def test_only_files_with_records_of_the_range_are_named() -> None:
    def named(begin: datetime | None, end: datetime | None) -> list[str]:
        return [path.rpartition("-")[2] for path in files_of([month()], TRIPS_STARTED, begin, end)]

    assert named(None, None) == ["0", "1"]
    assert named(NOON + timedelta(milliseconds=5), NOON + timedelta(hours=1)) == ["0"]
    assert named(NOON + timedelta(milliseconds=6), NOON + timedelta(hours=1, milliseconds=1)) == ["1"]
    assert named(None, NOON) == []
    assert files_of([month()], TRIPS_ENDED, None, None) == {}
