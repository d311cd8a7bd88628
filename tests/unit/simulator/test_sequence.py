"""What a simulation sends, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from pathlib import Path

import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal

from hailstream.replay.events import EVENT_SCHEMA, SENDING_ORDER, EventSource, open_source
from hailstream.replay.simulator import open_simulation, parse_spec
from hailstream.replay.simulator.source import Simulation
from tests.unit.simulator.conftest import EVENING, FAULTS, Run, read_ledger, simulate

SPEC = f"{EVENING}&{FAULTS}"


def test_the_same_seed_gives_the_same_bytes_however_batches_are_cut(faulty: Run, tmp_path: Path) -> None:
    small = simulate(SPEC, batch_rows=997, ledger=tmp_path / "ledger.csv")
    batches = list(small.batches())
    assert {batch.height for batch in batches[:-1]} == {997}
    assert_frame_equal(pl.concat(batches), faulty.events)
    again = pl.concat(small.batches())
    assert_frame_equal(again, faulty.events)
    assert_frame_equal(read_ledger(tmp_path / "ledger.csv"), faulty.ledger)


def test_another_seed_is_another_city(faulty: Run, read: Callable[[str], Run]) -> None:
    other = read(SPEC.replace("seed=11", "seed=12")).events
    assert not set(other["trip_id"]) & set(faulty.events["trip_id"])
    assert not set(other["driver_id"]) & set(faulty.events["driver_id"])


def test_frames_have_the_schema_of_events_and_are_found_through_open_source(tmp_path: Path) -> None:
    source: EventSource = open_source("sim:?minutes=30&rate=60", work_dir=tmp_path)
    batches = list(source.batches())
    assert {tuple(batch.schema.items()) for batch in batches} == {tuple(EVENT_SCHEMA.items())}
    assert [batch.height for batch in batches[:-1]] == [50_000] * (len(batches) - 1)
    assert len(batches) > 1
    assert source.report().balanced
    assert source.report().rows_read == sum(batch.height for batch in batches)


def test_without_faults_and_disorder_events_are_in_the_order_of_the_contract(clean: Run) -> None:
    assert_frame_equal(clean.events, clean.events.sort(SENDING_ORDER))
    assert clean.ledger.is_empty()
    assert clean.report.faults == {}


def test_mild_disorder_is_less_than_the_jobs_allow_and_no_fault(read: Callable[[str], Run]) -> None:
    run = read(f"{EVENING}&faults=none&disorder=4")
    behind = run.events.select(pl.col("event_time").cum_max() - pl.col("event_time")).to_series()
    assert timedelta(seconds=3) < behind.max() <= timedelta(seconds=4)  # type: ignore[operator]
    assert run.ledger.is_empty()


def test_times_and_limit_cut_the_sequence_and_leave_its_rest_as_it_is(faulty: Run, tmp_path: Path) -> None:
    spec = parse_spec(SPEC)
    start, until = spec.start + timedelta(minutes=20), spec.start + timedelta(minutes=50)
    cut = simulate(SPEC, start=start, until=until)
    inside = faulty.events.filter(pl.col("event_time").is_between(start, until, closed="left"))
    assert_frame_equal(pl.concat(cut.batches()), inside)
    assert cut.bounds() == (start, until - timedelta(milliseconds=1))

    ended = simulate(SPEC, limit=12_345, ledger=tmp_path / "ledger.csv")
    assert_frame_equal(pl.concat(ended.batches()), faulty.events.head(12_345))
    rows = read_ledger(tmp_path / "ledger.csv")
    assert_frame_equal(rows, faulty.ledger.head(rows.height))
    assert rows.height == sum(ended.report().faults.values())


def test_bounds_hold_every_event_and_are_none_where_no_event_is_asked_for(faulty: Run) -> None:
    bounds = open_simulation(SPEC).bounds()
    assert bounds is not None
    assert bounds[0] <= faulty.events["event_time"].min() < bounds[0] + timedelta(seconds=5)  # type: ignore[operator]
    assert bounds[1] - timedelta(seconds=5) < faulty.events["event_time"].max() <= bounds[1]  # type: ignore[operator]
    nothing = open_simulation(SPEC, until=bounds[0])
    assert nothing.bounds() is None
    assert list(nothing.batches()) == []


def test_one_driver_for_a_moment_is_a_simulation_too() -> None:
    assert sum(batch.height for batch in open_simulation("sim:?drivers=1&minutes=0.01").batches()) <= 2
    alone = pl.concat(open_simulation("sim:?drivers=1&minutes=600&faults=none").batches())
    assert alone["driver_id"].n_unique() == 1
    assert alone.height > 4


def test_a_longer_simulation_takes_no_more_memory() -> None:
    """700,000 events are 180 MB as frames."""
    process = psutil.Process()
    batches = open_simulation("sim:?rate=150&minutes=80").batches()
    rows = sum(batch.height for batch in islice(batches, 4))
    early = process.memory_info().rss
    rows += sum(batch.height for batch in batches)
    assert rows > 650_000
    assert process.memory_info().rss - early < 80e6


def test_events_are_made_faster_than_a_producer_sends_them() -> None:
    batches = open_simulation("sim:?rate=150&minutes=60").batches()
    next(batches)  # the fleet takes its places
    began = time.process_time()
    rows = sum(batch.height for batch in islice(batches, 4))
    # Measured 450,000 a second and more; a step that goes row by row would show at once.
    assert rows / (time.process_time() - began) > 100_000


@pytest.mark.parametrize("minutes", [3.0, 31.7, 61.0])
def test_the_rate_is_met_from_the_first_second_to_the_last(minutes: float) -> None:
    spec = parse_spec(f"sim:?rate=40&minutes={minutes}&faults=none")
    events = pl.concat(Simulation(spec).batches())
    assert events.height == pytest.approx(40 * 60 * minutes, rel=0.04)
    assert events["is_end"].mean() == pytest.approx(0.5, abs=0.03)
    assert events["event_time"].max() < spec.end  # type: ignore[operator]
