"""An archive in S3 is counted, compacted and refused as one in a folder is."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from hailstream.archive.compact import Compacted, compact
from hailstream.archive.manifest import Partition, read_manifest
from hailstream.archive.store import Store, open_store
from hailstream.doctor.servers import check_archive
from hailstream.errors import HailstreamError
from hailstream.local.apart import free_ports
from hailstream.settings import Settings
from hailstream.topics import TRIPS_STARTED

HOURS = ["event_date=2024-01-01/event_hour=00", "event_date=2024-01-01/event_hour=01"]


@pytest.fixture
def settings(bare_namespace: Settings, bucket: str) -> Settings:
    return bare_namespace.model_copy(update={"archive": f"{bucket}/kept/"})


@pytest.fixture
def store(settings: Settings) -> Store:
    """Two folders of three files each, two records a file."""
    store = open_store(TRIPS_STARTED, settings)
    for number in range(6):
        rows = {"kafka_partition": [0, 1], "kafka_offset": [5 - number, number], "trip_id": [f"a{number}", None]}
        table = pl.DataFrame(rows).cast({"kafka_partition": pl.Int32}).to_arrow()
        pq.write_table(table, store.path(f"{HOURS[number // 3]}/part-{number}"), filesystem=store.files)
    return store


def records(store: Store) -> list[tuple[object, ...]]:
    tables = [pq.read_table(store.path(path), filesystem=store.files, partitioning=None) for path in store.data_files()]
    return sorted((tuple(row.values()) for table in tables for row in table.to_pylist()), key=str)


def test_each_folder_has_one_file_of_the_same_records(store: Store, settings: Settings) -> None:
    before = records(store)
    assert read_manifest(store).partitions == {0: Partition(0, 6), 1: Partition(0, 6)}
    assert compact(store) == Compacted(before=6, after=2, rows=12)
    again = open_store(TRIPS_STARTED, settings)
    assert records(again) == before
    assert [path.rpartition("/")[0] for path in again.present_files()] == HOURS
    assert read_manifest(again).partitions == {0: Partition(0, 6), 1: Partition(0, 6)}
    assert compact(again) == Compacted(before=2, after=2, rows=0)


def test_a_run_that_was_killed_before_it_deleted_shows_no_record_twice(store: Store) -> None:
    before = records(store)
    kept = {path: store.files.open_input_file(store.path(path)).read() for path in store.data_files()}
    compact(store)
    for path, content in kept.items():
        with store.files.open_output_stream(store.path(path)) as file:
            file.write(content)
    assert len(store.present_files()) == 8
    assert records(store) == before
    assert read_manifest(store).gaps == []
    compact(store)
    assert len(store.present_files()) == 2
    assert records(store) == before


def test_nothing_is_there_of_a_namespace_that_has_not_been_archived(settings: Settings) -> None:
    store = open_store(TRIPS_STARTED, settings)
    assert store.data_files() == {}
    assert read_manifest(store).partitions == {}


def test_a_part_that_is_still_sent_is_no_file(store: Store) -> None:
    before = store.present_files()
    with store.files.open_output_stream(store.path(f"{HOURS[0]}/part-6")) as file:
        file.write(bytes(12 * 2**20))  # more than one part
        assert store.present_files() == before
    assert len(store.present_files()) == len(before) + 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"archive": "s3://another/kept"}, "has no bucket another"),
        ({"archive": "s3://"}, "names no bucket"),
        ({"s3_secret_key": SecretStr("hunter2")}, "refuses the keys for s3://"),
        ({"s3_access_key": "somebody"}, "refuses the keys for s3://"),
        ({"s3_endpoint": "127.0.0.1"}, "wrong setting: HAILSTREAM_S3_ENDPOINT"),
    ],
)
def test_what_cannot_be_opened_is_said(settings: Settings, changes: dict[str, object], told: str) -> None:
    with pytest.raises(HailstreamError, match=told) as caught:
        open_store(TRIPS_STARTED, settings.model_copy(update=changes))
    assert "HAILSTREAM_" in caught.value.hint or "http" in caught.value.hint or "s3://" in caught.value.hint
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_a_server_that_is_away_is_said(settings: Settings) -> None:
    [port] = free_ports(1)
    away = settings.model_copy(update={"s3_endpoint": f"http://127.0.0.1:{port}"})
    with pytest.raises(HailstreamError, match=rf"S3 server http://127.0.0.1:{port} does not answer for s3://"):
        open_store(TRIPS_STARTED, away)


def test_the_doctor_says_whether_the_bucket_is_there(settings: Settings) -> None:
    [found] = check_archive(settings)
    assert (found.status, found.found) == ("ok", f"{settings.archive_address} answers")
    [found] = check_archive(settings.model_copy(update={"archive": "s3://another/kept"}))
    assert (found.status, "has no bucket another" in found.found) == ("error", True)


def test_a_torn_file_is_named(store: Store) -> None:
    path = f"{HOURS[1]}/part-9"
    with store.files.open_output_stream(store.path(path)) as file:
        file.write(b"torn")
    with pytest.raises(HailstreamError, match=f"{Path(path).name} is no readable file of the archive"):
        read_manifest(store)
