"""What of an archive rows are made of, and where it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from hailstream.archive.manifest import counted_files, read_manifest
from hailstream.archive.months import Month, Part, beside, publish
from hailstream.archive.pieces import Piece, pieces_of
from hailstream.archive.schema import polars_schema
from hailstream.archive.store import open_store
from hailstream.reconcile.drift import EXTRA, MISSING, WAITING
from hailstream.reconcile.found import found_schema
from hailstream.reconcile.spans import Span
from hailstream.reconcile.tasks import Part as Share
from hailstream.reconcile.tasks import Plan, archived, chosen, compare_share, without_rows
from hailstream.reconcile.trips import TripTable
from hailstream.settings import Settings
from hailstream.spark.parts import pack, unpack
from hailstream.topics import TRIPS_ENDED

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
TRIPS = TripTable()


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def ends(*rows: dict[str, Any]) -> pl.DataFrame:
    """Archived ends, of the first partition and at noon unless a row says otherwise."""
    schema = polars_schema(TRIPS_ENDED)
    usual = {"kafka_partition": 0, "kafka_offset": 0, "kind": "event", "record_time": NOON, "trip_id": "a"}
    whole = [usual | row for row in rows]
    whole = [row | {"event_time": row["record_time"], "started_at": row["record_time"]} for row in whole]
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in whole], orient="row", strict=False)
    times = {name: pl.col(name).dt.replace_time_zone(None) for name, t in schema.items() if isinstance(t, pl.Datetime)}
    return frame.with_columns(**times).cast(dict(schema))


def plan(settings: Settings, *spans: Span, **changes: Any) -> Plan:
    spans = spans or ((at(-600), at(600)),)
    made = Plan(
        again=TRIPS,
        settings=settings,
        division=TRIPS.division(spans, 3),
        spans=spans,
        records=[TRIPS.records_of(*span) for span in spans],
        complete={0: 9},
        horizon_ms=None,
        future=None,
        read=None,
        waiting=None,
    )
    return replace(made, **changes)


def ids(records: pa.Table) -> list[str]:
    return sorted(records["trip_id"].to_pylist())


def test_of_the_log_counts_what_has_no_gap_before_it_and_was_an_event() -> None:
    records = ends(
        {"trip_id": "whole", "kafka_offset": 8},
        {"trip_id": "behind the gap", "kafka_offset": 9},
        {"trip_id": "of a partition that has nothing whole", "kafka_partition": 1},
        {"trip_id": "rejected", "kind": "rejected"},
        {"trip_id": "of a file", "kafka_partition": None, "kafka_offset": None},
    )
    assert ids(chosen(records.to_arrow(), plan(Settings()))) == ["of a file", "whole"]


def test_a_horizon_and_the_clock_are_those_of_the_stream() -> None:
    file = {"kafka_partition": None, "kafka_offset": None}
    records = ends(
        {"trip_id": "soon", "record_time": at(5), "kafka_offset": 1},
        {"trip_id": "later", "record_time": at(6), "kafka_offset": 2},
        {"trip_id": "later, of a file", "record_time": at(6), **file},
    ).to_arrow()
    horizon = round(at(5).timestamp() * 1000)
    assert ids(chosen(records, plan(Settings(), horizon_ms=horizon))) == ["later, of a file", "soon"]
    future = pa.table({"kafka_partition": pa.array([0], pa.int32()), "kafka_offset": pa.array([1], pa.int64())})
    assert ids(chosen(records, plan(Settings(), future=future))) == ["later", "later, of a file"]
    assert len(ids(chosen(records, plan(Settings(), future=future.slice(0, 0))))) == 3


@pytest.mark.parametrize("holes", [1, 12])
def test_rows_of_ranges_are_made_of_records_of_these(holes: int) -> None:
    spans = [(at(60 * hour), at(60 * hour + 60)) for hour in range(0, 2 * holes, 2)]
    times = [minutes + part for minutes in range(-60, 60 * (2 * holes + 1), 60) for part in (0, 1 / 60_000, 30)]
    records = ends(*({"trip_id": f"{time}", "record_time": at(time)} for time in times))
    found = {float(one) for one in ids(chosen(records.to_arrow(), plan(Settings(), *spans)))}
    assert found == {time for time in times if any(begin < at(time) <= end for begin, end in spans)}
    assert len(found) == 2 * holes + holes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An archive with an end every 20 minutes, offsets 0 to 11 without 9, and a month with two ends."""
    settings = Settings(archive=tmp_path.as_uri())
    store = open_store(TRIPS_ENDED, settings)
    for offset in range(12):
        time = at(20 * offset)
        path = Path(store.path(f"event_date={time:%Y-%m-%d}/event_hour={time:%H}/part-{offset}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        if offset != 9:
            ends({"trip_id": f"log {offset}", "kafka_offset": offset, "record_time": time}).write_parquet(path)
    months, parts = beside(store), []
    for name, minutes in (("v2/0", 0), ("v2/1", 60), ("v1/0", 0)):
        path = Path(months.path(f"yellow-2024-01/{name}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        row = {"trip_id": name, "kafka_partition": None, "kafka_offset": None, "record_time": at(minutes)}
        ends(row).write_parquet(path)
        moment = round(at(minutes).timestamp() * 1000)
        parts.append(Part(name, 1, moment, moment))
    publish(months, Month("yellow-2024-01", "v2", "a", "b", 2, {}, {TRIPS_ENDED.base: tuple(parts[:2])}))
    return settings


def pieces(settings: Settings, begin: datetime | None, end: datetime | None) -> list[Piece]:
    store = open_store(TRIPS_ENDED, settings)
    return pieces_of(TRIPS_ENDED, store, counted_files(store, read_manifest(store)), begin, end)


def read(parts: Iterable[tuple[int, Share]]) -> tuple[list[str], int]:
    given = list(parts)
    events = [part.events for _, part in given if part.events is not None]
    return (ids(unpack(events)) if events else []), sum(part.read for _, part in given)


def test_log_and_months_are_read_together_up_to_the_gap(settings: Settings) -> None:
    whole = [f"log {offset}" for offset in range(9)] + ["v2/0", "v2/1"]
    assert read(archived(pieces(settings, None, None), plan(settings))) == (whole, 11)
    some = plan(settings, (at(0), at(60)))
    assert read(archived(pieces(settings, *some.records[0]), some)) == (["log 1", "log 2", "log 3", "v2/1"], 4)
    assert read(archived([], some)) == ([], 0)


def test_what_is_on_its_way_is_no_difference_and_what_turns_out_to_be_so_neither(settings: Settings) -> None:
    records = ends(*({"trip_id": key, "kafka_offset": place} for place, key in enumerate("abcd"))).to_arrow()
    events = pack(TRIPS.events(records.select(TRIPS.columns), settings))
    waiting = pa.table({"trip_id": ["b"]})
    asked = plan(settings, division=TRIPS.division([], 1), read={0: 3}, waiting=waiting)
    [share] = compare_share(0, [(0, Share(events=events, read=4))], asked)
    assert share.rows == {WAITING: 2, MISSING: 2}
    assert sorted(unpack([share.differing])["trip_id"].to_pylist()) == ["a", "c"]
    told = without_rows(share, TRIPS.table, frozenset("c"))
    assert {(group.kind, group.rows) for group in told.groups if group.hour is group.zone is None} == {
        (WAITING, 1),
        (MISSING, 1),
    }
    assert not told.differing


def test_a_share_without_events_has_rows_that_should_not_be(settings: Settings) -> None:
    row = dict.fromkeys(found_schema(TRIPS.table).names) | {"trip_id": "a", "ended_at": 1, "zone_id": 74}
    found = pack(pa.Table.from_pylist([row | {"generation": 0}], found_schema(TRIPS.table)))
    [share] = compare_share(0, [(0, Share(found=found))], plan(settings))
    assert share.rows == {EXTRA: 1}
    assert next(compare_share(0, [(0, Share(read=3))], plan(settings))).rows == {}
