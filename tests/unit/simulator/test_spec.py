from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.replay.simulator import DEFAULT_FAULTS, open_simulation, parse_spec


def test_all_forms_of_a_spec_mean_the_same() -> None:
    long = parse_spec("sim:?seed=7&minutes=30&faults=late:0.01,fraud:0.02&start=2024-03-01T18:00")
    short = parse_spec("sim:seed=7,minutes=30,faults=late:0.01,fraud:0.02,start=2024-03-01T23:00Z")
    assert long == short
    assert long.start == datetime(2024, 3, 1, 23, tzinfo=UTC)
    assert long.faults == {"late": 0.01, "fraud": 0.02}


def test_an_empty_spec_is_an_evening_with_the_usual_faults() -> None:
    spec = parse_spec("sim:")
    assert spec == parse_spec("sim:?faults=all")
    assert (spec.start, spec.minutes, spec.rate, spec.drivers) == (datetime(2024, 3, 1, 23, tzinfo=UTC), 120, 100, None)
    assert spec.faults == DEFAULT_FAULTS
    assert parse_spec("sim:faults=none").faults == {}


def test_a_fleet_alone_decides_the_rate_and_a_rate_enlarges_the_fleet() -> None:
    fleet = open_simulation("sim:?drivers=500&minutes=60")
    assert fleet.spec.rate is None
    assert fleet.fleet_size == 500
    assert open_simulation("sim:?drivers=500&rate=50&minutes=60").fleet_size > 10_000
    assert open_simulation("sim:?drivers=90000&rate=50&minutes=60").fleet_size == 90_000


def test_start_now_is_the_current_minute() -> None:
    spec = parse_spec("sim:start=now", now=lambda: datetime(2026, 5, 4, 12, 34, 56, 789, tzinfo=UTC))
    assert spec.start == datetime(2026, 5, 4, 12, 34, tzinfo=UTC)


def test_a_ledger_may_be_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "what was injected.csv"
    simulation = open_simulation(f"sim:?minutes=1&ledger={path}".replace(" ", "%20"), work_dir=tmp_path)
    assert sum(batch.height for batch in simulation.batches())
    assert simulation.report().ledger == path
    assert path.read_text().startswith(
        "kind,case,trip_id,topic,event_time,behind_ms,detail,rule,size,basis,other_trip_id\n"
    )
    assert not (tmp_path / "ledger.csv").exists()


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    simulation = open_simulation(f"sim:?minutes=1&ledger={tmp_path}/file/ledger.csv")
    with pytest.raises(HailstreamError, match=r"ledger .*file/ledger\.csv cannot be written"):
        next(simulation.batches())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sim:?speed=3", ["'speed'", "seed", "faults", "ledger"]),
        ("sim:?seed=x", ["seed=x", "whole number"]),
        ("sim:?seed=-1", ["seed=-1"]),
        ("sim:?rate=0", ["rate=0", "0.01"]),
        ("sim:?rate=nan", ["rate=nan"]),
        ("sim:?rate=inf", ["rate=inf"]),
        ("sim:?drivers=1.5", ["drivers=1.5"]),
        ("sim:?minutes=-3", ["minutes=-3"]),
        ("sim:?minutes=1e9", ["minutes=1e9", "5256000"]),
        ("sim:?start=yesterday", ["start=yesterday", "ISO 8601"]),
        ("sim:?start=0001-01-01", ["1970"]),
        ("sim:?start=2101-01-01", ["2100"]),
        ("sim:?start=9999-12-31T23:00", ["start=9999-12-31T23:00"]),
        ("sim:?disorder=5", ["disorder=5", "4"]),
        ("sim:?coordinates=2", ["coordinates=2"]),
        ("sim:?faults=lat:0.1", ["faults=lat:0.1", "late", "fraud"]),
        ("sim:?faults=late", ["faults=late"]),
        ("sim:?faults=late:0.1,late:0.2", ["late:0.2"]),
        ("sim:?faults=late:0.6,bounds:0.6", ["together 1"]),
        ("sim:?faults=fraud:0.6,rides:0.6", ["together 1"]),
        ("sim:?seed=1&seed=2", ["seed", "twice"]),
        ("sim:?minutes", ["'minutes'"]),
        ("sim:?ledger=", ["ledger="]),
        ("sym:", ["sym:"]),
    ],
)
def test_a_wrong_spec_is_refused_with_the_key_and_what_it_may_be(text: str, named: list[str]) -> None:
    with pytest.raises(HailstreamError) as refused:
        parse_spec(text)
    assert all(name in refused.value.message for name in named)
    assert refused.value.exit_code == 2
    assert "sim:" in refused.value.hint


def test_a_rate_beyond_any_fleet_is_refused_when_opened() -> None:
    with pytest.raises(HailstreamError, match=r"rate=100000 needs [\d,]+ drivers") as refused:
        open_simulation("sim:?rate=100000")
    assert "--speed" in refused.value.hint
