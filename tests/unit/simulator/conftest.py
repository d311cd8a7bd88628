"""One evening of the simulated city, clean and with faults, made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hailstream.replay.simulator import Simulation, SimulationReport, parse_spec

# Shares far above the usual, so that every case of every kind is there many times.
FAULTS = "faults=late:0.03,duplicate:0.03,corrupt:0.03,bounds:0.03,speed:0.03,fraud:0.14,rides:0.06"
EVENING = "sim:?seed=11&rate=12&minutes=90&start=2024-03-01T18:00"


@dataclass(frozen=True)
class Run:
    """A simulation that was read to its end."""

    events: pl.DataFrame
    ledger: pl.DataFrame
    report: SimulationReport


def read_ledger(path: Path) -> pl.DataFrame:
    """The ledger's rows, ids as text and times as times."""
    texts = dict.fromkeys(("trip_id", "detail", "rule", "other_trip_id"), pl.String)
    numbers = {"behind_ms": pl.Int64, "size": pl.Float64, "basis": pl.Float64}
    ledger = pl.read_csv(path, schema_overrides=texts | numbers)
    return ledger.with_columns(
        pl.col("event_time").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="ms", time_zone="UTC")
    )


def simulate(spec: str, **options: Any) -> Simulation:
    """A simulation in many slices of time, though it is small."""
    return Simulation(parse_spec(spec), slice_events=4_000, **options)


def _read(spec: str, work_dir: Path) -> Run:
    simulation = simulate(spec, ledger=work_dir / "ledger.csv")
    events = pl.concat(simulation.batches())
    return Run(events, read_ledger(work_dir / "ledger.csv"), simulation.report())


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    return lambda spec: _read(spec, tmp_path_factory.mktemp("simulation"))


@pytest.fixture(scope="session")
def clean(read: Callable[[str], Run]) -> Run:
    return read(f"{EVENING}&faults=none&disorder=0")


@pytest.fixture(scope="session")
def faulty(read: Callable[[str], Run]) -> Run:
    return read(f"{EVENING}&{FAULTS}")
