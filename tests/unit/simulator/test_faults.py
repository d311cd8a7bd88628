"""Whether what the ledger says is what was sent, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import fastavro
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from hailstream.domain.rules import BOUNDS
from hailstream.replay.simulator import Case, open_simulation, parse_spec
from hailstream.replay.simulator.cases import NAMES
from hailstream.schemas import load_schema, unframe
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED
from tests.unit.simulator.conftest import Run
from tests.unit.simulator.ledger_rows import KEY, labelled, of, readable, with_seconds


def test_every_case_is_there_and_the_report_counts_the_rows_of_the_ledger(faulty: Run) -> None:
    rows = faulty.ledger.group_by("kind", "case").len()
    assert {(kind, case): n for kind, case, n in rows.iter_rows()} == faulty.report.cases
    assert set(faulty.report.cases) == set(NAMES.values())
    assert min(faulty.report.cases.values()) >= 20
    assert len(NAMES) == len(Case) - 1
    by_kind = faulty.ledger.group_by("kind").len()
    assert dict(by_kind.iter_rows()) == faulty.report.faults


def test_shares_are_the_asked_ones(clean: Run, faulty: Run) -> None:
    # Trips with a fault of their own, and those that one is about, have no other.
    spared = faulty.ledger.filter(pl.col("kind").is_in(["speed", "fraud", "rides"]))
    whole = faulty.events.height - spared.height - 2 * spared["other_trip_id"].n_unique()
    for kind, share in (("late", 0.03), ("duplicate", 0.03), ("corrupt", 0.03), ("bounds", 0.03)):
        # Late events need ten seconds until the end.
        assert faulty.report.faults[kind] == pytest.approx(share * whole, rel=0.2), kind
    began = clean.events["event_time"].min()
    # Trips that began before the log, or are too long to be fast within the bound of distances, are spared.
    short = with_seconds(clean.events.filter(pl.col("started_at") >= began)).filter(pl.col("seconds") <= 35 * 60)
    assert faulty.report.faults["speed"] == pytest.approx(0.03 * short.height, rel=0.15)


def test_no_event_has_two_faults_and_each_labelled_event_was_sent(faulty: Run) -> None:
    rows = labelled(faulty)
    single = rows.filter(pl.col("kind") != "duplicate")
    assert single.select(KEY).is_duplicated().sum() == 0
    sent = faulty.events.select(*KEY, "event_time")
    assert rows.join(sent, on=[*KEY, "event_time"], how="anti").is_empty()


def test_faults_leave_the_city_as_it_is(clean: Run, faulty: Run) -> None:
    """An event of the clean run is sent unchanged, or the ledger has it; any other is in the ledger."""
    rows = labelled(faulty).filter(~pl.col("kind").is_in(["duplicate", "late"])).select(KEY)
    untouched = readable(faulty).join(rows, on=KEY, how="anti").sort(KEY)
    expected = clean.events.join(rows, on=KEY, how="anti").sort(KEY)
    assert_frame_equal(untouched, expected)
    assert expected.height > 0.8 * clean.events.height


def test_late_events_are_at_least_ten_seconds_behind_and_no_others_are(faulty: Run) -> None:
    behind = faulty.events.with_columns(
        behind=(pl.col("event_time").cum_max() - pl.col("event_time")).dt.total_milliseconds()
    )
    late = behind.filter(pl.col("behind") >= 10_000)
    said = labelled(faulty).filter(
        pl.col("kind").eq("late") | (pl.col("kind").eq("duplicate") & (pl.col("behind_ms") >= 10_000))
    )
    assert_frame_equal(
        late.select(*KEY, behind_ms="behind").sort(KEY), said.select(*KEY, "behind_ms").sort(KEY), check_dtypes=False
    )
    lateness = said.filter(pl.col("kind") == "late")["behind_ms"]
    assert 10_000 <= lateness.min() <= 40_000  # type: ignore[operator]
    assert 400_000 <= lateness.max() <= 600_000  # type: ignore[operator]


def test_repeats_are_the_same_event_again_and_counted_to_the_row(faulty: Run) -> None:
    repeats = faulty.events.height - faulty.events.select(KEY).n_unique()
    assert repeats == faulty.report.faults["duplicate"]
    doubled = faulty.events.filter(pl.struct(KEY).is_duplicated())
    assert doubled.n_unique() == doubled.height / 2
    after_minute = labelled(faulty).filter(pl.col("case") == "after_minute")
    assert (after_minute["behind_ms"] > 60_000).mean() > 0.9  # type: ignore[operator]


def test_what_is_outside_a_bound_is_in_the_ledger_with_a_size_that_is_and_nothing_else_is(faulty: Run) -> None:
    events = with_seconds(readable(faulty))
    outside = pl.lit(False)
    for bound, column in (
        (BOUNDS.distance, pl.col("trip_distance_miles")),
        (BOUNDS.fare, pl.col("fare_amount")),
        (BOUNDS.passengers, pl.col("passenger_count")),
        (BOUNDS.latitude, pl.col("pickup_latitude")),
        (BOUNDS.longitude, pl.col("pickup_longitude")),
        (BOUNDS.duration, pl.col("seconds") / 60),
    ):
        outside = outside | ~column.is_between(bound.low, bound.high).fill_null(True)
    found = events.filter(outside).select(KEY).sort(KEY)
    # Of distances and durations some are drawn within.
    within = pl.col("case").is_in(["distance", "duration"]) & pl.col("rule").is_null()
    bounds = labelled(faulty).filter(((pl.col("kind") == "bounds") & ~within) | (pl.col("case") == "refund"))
    assert_frame_equal(found, bounds.select(KEY).sort(KEY))
    sized = labelled(faulty).filter((pl.col("kind") == "bounds") & pl.col("case").is_in(["distance", "duration"]))
    assert 0.3 < sized["rule"].is_null().mean() < 0.6  # type: ignore[operator]
    fares = of(faulty, "bounds", "fare")
    assert (fares["fare_amount"] > 500_00).all()
    assert (fares["total_amount"] > fares["fare_amount"]).all()


def reads_as_its_event(raw: bytes, is_end: bool, event_time: object, ids: tuple[int, int]) -> bool:
    """Whether a reader that takes each message on its own would take this one."""
    try:
        schema_id, body = unframe(raw)
        stream = io.BytesIO(body)
        schema = load_schema(TRIPS_ENDED if is_end else TRIPS_STARTED)
        event = fastavro.schemaless_reader(stream, schema.parsed)
        return schema_id == ids[is_end] and stream.tell() == len(body) and event["event_time"] == event_time
    except Exception:
        return False


@pytest.mark.parametrize("ids", [(1, 2), (40, 41)])
def test_no_corrupt_message_can_be_read(ids: tuple[int, int]) -> None:
    spec = "sim:?seed=4&rate=40&minutes=3&faults=corrupt:1"
    events = pl.concat(open_simulation(spec, schema_ids=ids).batches())
    assert events["raw"].null_count() == 0
    assert events.height > 5_000
    columns = events.select("raw", "is_end", "event_time")
    assert not any(reads_as_its_event(raw, is_end, moment, ids) for raw, is_end, moment in columns.iter_rows())
    assert b"" in set(events["raw"])


def test_bytes_that_are_merely_truncated_or_flipped_are_those_of_the_event(faulty: Run) -> None:
    truncated = of(faulty, "corrupt", "truncated").filter(pl.col("raw").bin.size() > 40)
    assert truncated.height > 5
    assert all(trip_id.encode() in raw for trip_id, raw in truncated.select("trip_id", "raw").iter_rows())
    lengthened = of(faulty, "corrupt", "lengthened").row(0, named=True)
    _, body = unframe(lengthened["raw"])
    stream = io.BytesIO(body)
    schema = load_schema(TRIPS_ENDED if lengthened["is_end"] else TRIPS_STARTED)
    event = fastavro.schemaless_reader(stream, schema.parsed)
    assert (event["trip_id"], event["event_time"]) == (lengthened["trip_id"], lengthened["event_time"])
    assert stream.tell() < len(body)


def test_late_events_near_the_end_are_spared_for_nothing_would_be_newer(read: Callable[[str], Run]) -> None:
    run = read("sim:?seed=2&rate=30&minutes=15&faults=late:0.5")
    behind = (run.events["event_time"].cum_max() - run.events["event_time"]).dt.total_seconds()
    assert run.report.faults["late"] == (behind >= 10).sum()
    end = parse_spec("sim:minutes=15").end
    last = labelled(run)["event_time"].max()
    assert timedelta(seconds=13) < end - last < timedelta(seconds=20)  # type: ignore[operator]


def test_without_a_place_for_it_the_ledger_is_only_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    simulation = open_simulation("sim:?minutes=2&rate=50")
    assert sum(batch.height for batch in simulation.batches())
    assert simulation.report().ledger is None
    assert sum(simulation.report().faults.values()) > 0
    assert not list(tmp_path.iterdir())
