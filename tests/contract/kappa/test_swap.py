"""Rebuilt rows take the place of those of their range, all others stay, and nobody writes meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Consumer

from hailstream.batch.runs import batch_run
from hailstream.clickhouse import reachable
from hailstream.errors import HailstreamError
from hailstream.kappa.built import Built, find_built, keep_built
from hailstream.kappa.rebuild import rebuild, require_newer_generation, swap_rebuilt
from hailstream.kappa.shadow import shadow_of
from hailstream.loader.members import loaders_at_work
from hailstream.loader.migrations import migrate
from hailstream.loader.version import Authority, pack
from hailstream.local.topics_admin import create_topics, delete_topics
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS
from tests.stack import Servers

NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)
STREAM, BATCH = Authority.STREAM, Authority.BATCH
COLUMNS = [
    *("zone_id", "window_start", "window_end", "trips", "passengers", "known_passengers", "drivers", "duplicates"),
    *("generation", "version", "is_deleted"),
]


def row(
    minute: int,
    trips: int,
    zone: int = 1,
    generation: int = 1,
    by: Authority = STREAM,
    *,
    run: int = 1,
    deleted: bool = False,
) -> list[object]:
    end = NOON + timedelta(minutes=minute)
    version = pack(generation, by, run)
    return [zone, end - timedelta(minutes=5), end, trips, trips, trips, 1, 0, generation, version, int(deleted)]


LIVE = [
    row(-60, 1),  # before the range
    row(1, 2),  # equal
    row(2, 3),  # different
    row(3, 4, zone=2),  # of the old definition alone
    row(4, 5, zone=3, by=BATCH),  # of a backfilled month
    row(4, 9, zone=4, by=BATCH, deleted=True),
    row(10, 6),  # newer than the range
    row(60 * 24, 7),  # the next month
]
REBUILT = [row(1, 2, generation=2), row(2, 30, generation=2), row(3, 40, zone=5, generation=2)]
#: What is told after the swap: zone, minute, trips and generation.
SWAPPED = [
    (1, -60, 1, 1),
    (1, 1, 2, 2),
    (1, 2, 30, 2),
    (5, 3, 40, 2),
    (3, 4, 5, 1),
    (1, 10, 6, 1),
    (1, 60 * 24, 7, 1),
]


@pytest.fixture
def settings(servers: Servers, bare_namespace: Settings) -> Iterator[Settings]:
    servers("clickhouse", "kafka")
    settings = bare_namespace.model_copy(update={"generation": 2})
    for of, rows in ((settings, LIVE), (shadow_of(settings), REBUILT)):
        with reachable(of, database="default") as client:
            migrate(client, of.database)
        with reachable(of, database=of.database) as client:
            client.insert("zone_counts_raw", rows, column_names=COLUMNS)
    yield settings
    for of in (settings, shadow_of(settings)):
        with reachable(of, database="default") as client:
            client.command(f"DROP DATABASE `{of.database}` SYNC")


def told(settings: Settings) -> list[tuple[int, int, int, int]]:
    query = (
        "SELECT zone_id, dateDiff('minute', {noon:DateTime64(3, 'UTC')}, window_end), trips, generation"
        " FROM zone_counts ORDER BY window_end, zone_id"
    )
    with reachable(settings, database=settings.database) as client:
        return client.query(query, {"noon": NOON}).result_rows  # type: ignore[no-any-return]


def built(settings: Settings) -> Built:
    found = find_built("zone_counts", shadow_of(settings), None)
    keep_built(found, shadow_of(settings))
    return found


def test_rows_of_the_range_are_swapped_and_all_others_stay(settings: Settings) -> None:
    found = built(settings)
    assert (found.until, found.generation) == (NOON.replace(tzinfo=None) + timedelta(minutes=3), 2)
    # The range ends with the last row that the log makes; that of batch at minute 4 is behind it, and copied.
    with batch_run("kappa swap", settings) as run:
        done = swap_rebuilt("zone_counts", settings, lambda _: None, run)
    kinds = done.comparison
    assert (kinds.equal, kinds.different, kinds.missing, kinds.extra, kinds.kept) == (1, 1, 1, 1, 0)
    assert (kinds.live["trips"], kinds.rebuilt["trips"]) == (9, 72)
    assert told(settings) == SWAPPED
    assert done.copied == 5
    shadow = shadow_of(settings)
    with reachable(shadow, database=shadow.database) as client:
        before = client.query("SELECT sum(trips) FROM zone_counts_before FINAL").result_rows
    assert before == [(28,)]
    with pytest.raises(HailstreamError, match="nothing of zone_counts has been rebuilt"), batch_run("s", settings) as r:
        swap_rebuilt("zone_counts", settings, lambda _: None, r)


def test_what_batch_alone_knows_of_the_range_stays(settings: Settings) -> None:
    shadow = shadow_of(settings)
    with reachable(shadow, database=shadow.database) as client:
        client.insert("zone_counts_raw", [row(5, 1, zone=6, generation=2)], column_names=COLUMNS)
    built(settings)
    with batch_run("kappa swap", settings) as run:
        done = swap_rebuilt("zone_counts", settings, lambda _: None, run)
    assert (done.comparison.missing, done.comparison.kept) == (2, 1)
    assert told(settings) == sorted([*SWAPPED, (6, 5, 1, 2)], key=lambda one: (one[1], one[0]))


def test_what_batch_took_back_does_not_return(settings: Settings) -> None:
    once, again = (row(2, 8, zone=7, by=BATCH, run=run, deleted=run == 2) for run in (1, 2))
    with reachable(settings, database=settings.database) as client:
        # Each in a part of its own: within one insert ClickHouse keeps the newer alone.
        client.command("SYSTEM STOP MERGES zone_counts_raw")
        for one in (once, again):
            client.insert("zone_counts_raw", [one], column_names=COLUMNS)
        both = client.query("SELECT is_deleted FROM zone_counts_raw WHERE zone_id = 7 ORDER BY version").result_rows
    assert both == [(0,), (1,)]
    built(settings)
    with batch_run("kappa swap", settings) as run:
        done = swap_rebuilt("zone_counts", settings, lambda _: None, run)
    assert (done.comparison.kept, done.copied) == (0, 7)
    assert told(settings) == SWAPPED


def test_nothing_is_swapped_while_a_loader_is_at_work(settings: Settings) -> None:
    built(settings)
    create_topics(settings, [ZONE_COUNTS])
    loader = Consumer(settings.kafka_config() | {"group.id": settings.consumer_group("clickhouse")})
    assigned = threading.Event()
    loader.subscribe([ZONE_COUNTS.name(settings.namespace)], on_assign=lambda *_: assigned.set())
    try:
        while not assigned.is_set():
            loader.poll(0.1)
        with pytest.raises(HailstreamError, match=r"loader .* is at work"), batch_run("s", settings) as run:
            swap_rebuilt("zone_counts", settings, lambda _: None, run)
    finally:
        loader.close()
    assert [trips for _, _, trips, _ in told(settings)] == [1, 2, 3, 4, 5, 6, 7]
    assert loaders_at_work("clickhouse", settings) == []
    with batch_run("s", settings) as run:
        assert swap_rebuilt("zone_counts", settings, lambda _: None, run).copied == 5
    delete_topics(settings, [ZONE_COUNTS])


def test_a_generation_that_is_there_is_refused_before_anything_is_run(settings: Settings) -> None:
    require_newer_generation("zone_counts", settings)
    same = settings.model_copy(update={"generation": 1})
    with pytest.raises(HailstreamError, match="has rows of generation 1") as refused, batch_run("r", same) as run:
        rebuild("zone_counts", same, None, lambda _: None, run, dry_run=True)
    assert "--generation 2" in refused.value.hint


def test_a_log_that_closes_no_window_is_named(settings: Settings) -> None:
    with pytest.raises(HailstreamError, match="closes no window of zone_counts after 2024-02-01"):
        find_built("zone_counts", shadow_of(settings), NOON + timedelta(days=1))
    with pytest.raises(HailstreamError, match="closes no window of zone_revenue"):
        find_built("zone_revenue", shadow_of(settings), None)
