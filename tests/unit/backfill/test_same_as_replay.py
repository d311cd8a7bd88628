"""A backfilled file has the events that a replay of it sends, to the last field."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pytest

from hailstream.archive.layout import event_fields
from hailstream.archive.months import published_months
from hailstream.archive.store import Store
from hailstream.encode.batch import BatchEncoder
from hailstream.replay.events import open_source
from hailstream.schemas import load_schema
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, TRIPS_ENDED, Topic
from tests.unit.backfill.conftest import NOW, backfilled, events

FRAMING = 5


def replayed(files: list[Path], work_dir: Path) -> dict[Topic, list[dict[str, Any]]]:
    """What another reader makes of the messages that a replay of the files sends: fields as the archive names them."""
    frame = pl.concat(open_source([str(file) for file in files], work_dir=work_dir, now=lambda: NOW).batches())
    found = {}
    for topic in EVENT_TOPICS:
        schema = fastavro.parse_schema(load_schema(topic).definition)
        rows = frame.filter(pl.col("is_end") == (topic is TRIPS_ENDED))
        messages = BatchEncoder(load_schema(topic), 1).encode(rows)
        decoded: list[Any] = [fastavro.schemaless_reader(io.BytesIO(m[FRAMING:]), schema, None) for m in messages]
        names = {column: field.name for column, field in event_fields(topic).items()}
        found[topic] = [{column: plain(row[name]) for column, name in names.items()} for row in decoded]
    return found


def plain(value: Any) -> Any:
    """Amounts as cents and times without a zone, as the archive has them."""
    if isinstance(value, Decimal):
        return int(value.scaleb(2))
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def archived(months: Store, topic: Topic) -> list[dict[str, Any]]:
    frame = pl.concat(events(months, topic, month.name) for month in published_months(months))
    same = frame.filter((pl.col("record_time") == pl.col("event_time")) & (pl.col("kind") == "event"))
    assert same.height == frame.height
    return frame.select(list(event_fields(topic))).to_dicts()


def assert_same(settings: Settings, months: Store, files: list[Path], work_dir: Path) -> int:
    outcome = backfilled(settings, *files)
    assert outcome.failed == []
    for topic, expected in replayed(files, work_dir).items():
        assert len(expected) > 0
        assert sorted(archived(months, topic), key=str) == sorted(expected, key=str)
    return sum(month.rows for month in outcome.published)


def test_every_layout_since_2009(settings: Settings, months: Store, shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "tlc_monthly_samples_2009_2017.tar.gz") as archive:
        archive.extractall(tmp_path / "files", filter="data")
    # One of each half of a year has all layouts, and the whole has not to be read twice here.
    files = [file for file in sorted((tmp_path / "files").rglob("*.csv")) if file.stem[-2:] in ("01", "07", "08")]
    assert assert_same(settings, months, files, tmp_path / "replay") > 3000


def test_a_file_of_several_months(settings: Settings, months: Store, shared_data: Path, tmp_path: Path) -> None:
    sample = pl.read_parquet(shared_data / "yellow_sample_2018-01_2020-12.parquet")
    some = pl.concat([sample.filter(pl.col("source_month") == month).head(1500) for month in ("2018-01", "2020-04")])
    some.write_parquet(tmp_path / "yellow_sample_2018-01_2020-12.parquet", row_group_size=700)
    assert assert_same(settings, months, [tmp_path / "yellow_sample_2018-01_2020-12.parquet"], tmp_path / "re") == 3000
    assert [month.name for month in published_months(months)] == ["yellow-2018-01", "yellow-2020-04"]


@pytest.mark.parametrize("part", ["yellow_tripdata_20", "green_tripdata_20"])
def test_of_torn_files_the_good_lines_are_kept(
    settings: Settings, shared_data: Path, tmp_path: Path, part: str
) -> None:
    with tarfile.open(shared_data / "tlc_header_heads_2009_2020.tar.gz") as archive:
        members = [m for m in archive.getmembers() if m.name.rpartition("/")[2].startswith(part)]
        archive.extractall(tmp_path / "files", members[::6], filter="data")
    files = sorted((tmp_path / "files").rglob("*.csv"))
    outcome = backfilled(settings, *files)
    for month in outcome.published:
        # The last line is cut, and no other.
        assert sum(month.rejects.values()) <= 1
        assert month.rows - sum(month.rejects.values()) > 0
    assert len(outcome.published) > 10
    assert all("none of 1 rows became an event" in failure or "no row" in failure for failure in outcome.failed)
