"""The ledger as labels, by the thresholds in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.evaluate.labels import label, read_ledger
from hailstream.replay.simulator.cases import NAMES, Case
from hailstream.replay.simulator.labels import AIMS, ALSO
from hailstream.replay.simulator.ledger import COLUMNS

HEADER = ",".join(COLUMNS)
ENDED, STARTED = "trips.ended.v1", "trips.started.v1"


def row(names: str, trip: str, topic: str, size: str = "", basis: str = "", other: str = "") -> str:
    return f"{names},{trip},{topic},2024-03-01T23:00:00.000Z,0,text,,{size},{basis},{other}"


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return path


def test_what_should_be_found_follows_the_thresholds(tmp_path: Path) -> None:
    ledger = read_ledger(
        write(
            tmp_path / "l.csv",
            row("speed,speed", "70", ENDED, "70.5"),
            row("speed,speed", "90", ENDED, "90"),
            row("fraud,travel", "e01", STARTED, "100", "4", "e02"),
            row("fraud,travel", "e01", ENDED, "100", "4", "e02"),
            row("fraud,outlier", "7", ENDED, "-4", "70"),
        )
    )
    usual = label(ledger, Thresholds())
    assert usual.injected == {"implausible_speed": 2, "impossible_travel": 1, "fare_outlier": 1}
    assert usual.should == {
        "implausible_speed": {("90", None)},
        "impossible_travel": {("e01", "e02")},
        "fare_outlier": {("7", None)},
    }
    other = label(ledger, Thresholds(speed_mph=60, travel_miles=5, outlier_samples=100))
    assert other.injected == usual.injected
    assert other.should == {
        "implausible_speed": {("70", None), ("90", None)},
        "impossible_travel": set(),
        "fare_outlier": set(),
    }


def test_ids_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    ledger = read_ledger(write(tmp_path / "l.csv", row("fraud,refund", "0012e45", ENDED, "0", "", "0000000000000001")))
    assert label(ledger, Thresholds()).should == {"refund_of_fare": {("0012e45", "0000000000000001")}}


def test_a_fault_for_another_rule_is_named_for_those_that_may_speak_of_it(tmp_path: Path) -> None:
    ledger = read_ledger(write(tmp_path / "l.csv", row("bounds,distance", "a", ENDED, "99")))
    labels = label(ledger, Thresholds())
    assert labels.should == {"trip_outside_bounds": set()}
    assert set(labels.also) == {"implausible_speed", "fare_off_card", "fare_outlier"}
    assert labels.details["trip_outside_bounds", "a"] == "distance_bound: text"


def test_no_fault_excuses_the_rule_that_it_is_for() -> None:
    assert all(AIMS[case].rule.name not in rules for case, rules in ALSO.items() if case in AIMS)
    assert set(NAMES) == set(Case) - {Case.NONE}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read: No such file"),
        ("", "is no ledger"),
        ("kind,case,trip_id\nspeed,speed,a\n", "has no column topic, event_time"),
        (f"{HEADER}\n{row('speed,warp', 'a', ENDED)}\n", "a fault that is not known: ('speed', 'warp')"),
        (f"{HEADER}\n{row('speed,speed', 'a', ENDED, 'fast')}\n", "is no ledger"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_by_name(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "ledger.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(HailstreamError) as refused:
        read_ledger(path)
    assert str(path) in refused.value.message
    assert says in refused.value.message
    assert refused.value.exit_code == 2
    assert "ledger" in refused.value.hint
