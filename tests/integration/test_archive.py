"""The archive holds every record of the log once, whatever is killed, and says how far it is complete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from hailstream.archive.layout import topic_folder
from hailstream.archive.manifest import Manifest, read_manifest
from hailstream.archive.store import open_store
from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import ARCHIVE
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.submit import submit_job
from hailstream.local.processes import of_stack
from hailstream.local.topics_admin import delete_topics
from hailstream.proof.eventlog import LOGS, EventLog
from hailstream.replay.broker import LogReader
from hailstream.settings import Settings
from hailstream.topics import EVENT_TOPICS, TRIPS_ENDED, TRIPS_STARTED, Topic
from tests.integration.city import prepared, replay
from tests.stack import wait_until

PATIENCE = 150.0
#: Columns of the proof's log by those of the archive.
SAME = {
    "trip_id": "trip_id",
    "vendor_id": "vendor_id",
    "driver_id": "driver_id",
    "vehicle_id": "vehicle_id",
    "passenger_count": "passenger_count",
    "location": "pickup_location_id",
    "latitude": "pickup_latitude",
    "longitude": "pickup_longitude",
}
SAME_OF_ENDS = SAME | {
    "end_location": "dropoff_location_id",
    "end_latitude": "dropoff_latitude",
    "end_longitude": "dropoff_longitude",
    "distance": "trip_distance_miles",
    "payment_type": "payment_type",
    "rate_code": "rate_code",
    "fare": "fare_cents",
    "tip": "tip_cents",
    "tolls": "tolls_cents",
    "total": "total_cents",
}


@pytest.fixture
def settings(stack: Settings, tmp_path: Path) -> Iterator[Settings]:
    changes = {"namespace": f"t{uuid4().hex[:10]}", "archive": (tmp_path / "kept").as_uri(), "archive_interval": 1.0}
    settings = stack.model_copy(update=changes)
    yield settings
    job = FlinkRest(settings).active_job(ARCHIVE.title(settings))
    if job is not None:
        FlinkRest(settings).cancel_if_active(job.job_id)


def manifests(settings: Settings) -> dict[Topic, Manifest]:
    return {topic: read_manifest(open_store(topic, settings)) for topic in EVENT_TOPICS}


def is_whole(settings: Settings) -> bool:
    """Every partition is complete up to the end that the topic has."""
    reader = LogReader(settings)
    ends = reader.ends(reader.partitions([topic.name(settings.namespace) for topic in EVENT_TOPICS]))
    for topic, manifest in manifests(settings).items():
        found = {number: partition.end for number, partition in manifest.partitions.items()}
        if found != {number: end for number, end in ends[topic.name(settings.namespace)].items() if end}:
            return False
    return True


def assert_same_as_the_log(settings: Settings, work_dir: Path) -> dict[str, int]:
    """Row by row the archive is what another reader makes of the log; how many records there are of each kind."""
    log = EventLog(settings, work_dir=work_dir)
    kinds: dict[str, int] = {}
    for table, topic in LOGS.items():
        folder = f"{settings.archive_address}/{topic_folder(topic, settings.namespace)}".removeprefix("file://")
        log.connection.execute(
            f"CREATE OR REPLACE VIEW archived AS SELECT * FROM read_parquet('{folder}/*/*/part-*',"
            " hive_partitioning = true, hive_types_autocast = false)"
        )
        same = SAME_OF_ENDS if topic is TRIPS_ENDED else SAME
        values = " AND ".join(f'l."{mine}" IS NOT DISTINCT FROM a."{theirs}"' for mine, theirs in same.items())
        query = f"""
            SELECT count(*) FROM {table} l FULL JOIN archived a
            ON l."partition" = a.kafka_partition AND l."offset" = a.kafka_offset
            WHERE NOT coalesce(l.record_time = epoch_ms(a.record_time)
                AND a.kind = CASE WHEN heartbeat THEN 'heartbeat' WHEN readable THEN 'event' ELSE 'rejected' END
                AND (a.kind <> 'event' OR (l.event_time = epoch_ms(a.event_time) AND {values}))
                AND (a.message IS NOT NULL) = (a.kind = 'rejected') AND (a.reason IS NOT NULL) = (a.kind = 'rejected')
                AND a.event_date = strftime(a.record_time, '%Y-%m-%d')
                AND a.event_hour = strftime(a.record_time, '%H'), false)"""
        assert log.value(query) == 0, topic
        for kind, count in log.connection.execute("SELECT kind, count(*) FROM archived GROUP BY kind").fetchall():
            kinds[kind] = kinds.get(kind, 0) + count
    return kinds


def taskmanager(settings: Settings) -> psutil.Process:
    [found] = [p for p in of_stack(settings.home_dir) if "TaskManagerRunner" in " ".join(p.cmdline())]
    return found


def test_every_record_is_there_once_though_the_taskmanager_is_killed_twice(settings: Settings, tmp_path: Path) -> None:
    source = "sim:?seed=31&minutes=60&rate=10&faults=all"
    settings = prepared(settings, source, tmp_path)
    job_id = submit_job(ARCHIVE, settings)
    rest = FlinkRest(settings)
    for kills in (1, 2):
        before = sum(len(manifest.files) for manifest in manifests(settings).values())
        replay(settings, source, tmp_path, allow_late=True)
        wait_until(
            lambda before=before: sum(len(m.files) for m in manifests(settings).values()) > before,  # type: ignore[misc]
            PATIENCE,
            "no file was published",
        )
        taskmanager(settings).kill()
        wait_until(lambda kills=kills: rest.restarts(job_id) >= kills, PATIENCE, "nobody noticed")  # type: ignore[misc]
    wait_until(lambda: is_whole(settings), PATIENCE, "the archive is not complete")
    assert not any(manifest.gaps for manifest in manifests(settings).values())
    kinds = assert_same_as_the_log(settings, tmp_path)
    assert kinds.keys() == {"event", "heartbeat", "rejected"}

    # A run that knows nothing of the one before goes on behind its files.
    rest.cancel_if_active(job_id)
    replay(settings, source, tmp_path, allow_late=True)
    submit_job(ARCHIVE, settings)
    wait_until(lambda: is_whole(settings), PATIENCE, "the archive is not complete")
    assert sum(assert_same_as_the_log(settings, tmp_path).values()) > sum(kinds.values())


def test_another_log_is_not_put_behind_an_archive(settings: Settings, tmp_path: Path) -> None:
    source = "sim:?seed=7&minutes=10&rate=5"
    settings = prepared(settings, source, tmp_path)
    replay(settings, source, tmp_path)
    job_id = submit_job(ARCHIVE, settings)
    wait_until(lambda: is_whole(settings), PATIENCE, "the archive is not complete")
    FlinkRest(settings).cancel_if_active(job_id)
    delete_topics(settings, [TRIPS_STARTED])
    with pytest.raises(HailstreamError, match="the topic was made anew"):
        submit_job(ARCHIVE, settings)
