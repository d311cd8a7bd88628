"""The rules on simulated faults: they find what they should, and the score shows when they do not."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hailstream.domain.alerts.alert import RULES
from hailstream.domain.alerts.thresholds import Thresholds
from hailstream.errors import HailstreamError
from hailstream.evaluate.alerts import Run, evaluate_seed, parse_seeds, specification
from hailstream.evaluate.detect import Detector, Found
from hailstream.evaluate.labels import label, read_ledger
from hailstream.evaluate.score import score
from hailstream.replay.simulator import open_simulation

SEED, MINUTES, RATE = 21, 150.0, 4.0


@pytest.fixture(scope="module")
def run() -> Run:
    return evaluate_seed(SEED, MINUTES, RATE, Thresholds())


def test_each_rule_is_put_to_the_test_on_both_sides_of_its_threshold(run: Run) -> None:
    assert run.events > 30_000
    assert [done.rule for done in run.scores] == list(RULES)
    for done in run.scores:
        assert done.injected > done.should >= 20, done


def test_rules_that_compare_with_nothing_usual_make_no_mistake(run: Run) -> None:
    wrong = {done.rule: (done.missed, done.false) for done in run.scores if done.missed or done.false}
    assert set(wrong) <= {"fare_outlier"}, wrong
    assert all(done.met for done in run.scores)


def found_by(thresholds: Thresholds, work_dir: Path) -> tuple[Found, Path]:
    simulation = open_simulation(specification(SEED, 40, RATE), work_dir=work_dir)
    events = pl.concat(simulation.batches()).sort("event_time")
    detector = Detector(thresholds)
    detector.tell(events)
    return detector.close(round(simulation.spec.end.timestamp() * 1000)), work_dir / "ledger.csv"


def test_a_rule_with_another_threshold_than_the_labels_has_a_bad_score(tmp_path: Path) -> None:
    deaf = Thresholds(speed_mph=110, overlap_seconds=200, velocity_trips=8, vehicle_minutes=2)
    found, ledger = found_by(deaf, tmp_path)
    by_rule = {done.rule: done for done in score(found, label(read_ledger(ledger), Thresholds()))}
    for rule in ("implausible_speed", "overlapping_trips", "too_many_trips", "two_vehicles"):
        assert by_rule[rule].recall is not None
        assert by_rule[rule].recall < 0.8, rule  # type: ignore[operator]
    right = {done.rule: done for done in score(found, label(read_ledger(ledger), deaf))}
    assert right["implausible_speed"].met
    eager = {done.rule: done for done in score(found, label(read_ledger(ledger), Thresholds(speed_mph=130)))}
    assert eager["implausible_speed"].precision < 0.8  # type: ignore[operator]


@pytest.mark.parametrize("coordinates", [0.1, 1])
def test_honest_traffic_gives_no_alert_of_any_rule(coordinates: float) -> None:
    spec = f"sim:?seed=22&rate=4&minutes=130&faults=none&coordinates={coordinates}"
    simulation = open_simulation(spec)
    detector = Detector(Thresholds())
    detector.tell(pl.concat(simulation.batches()).sort("event_time"))
    assert detector.close(round(simulation.spec.end.timestamp() * 1000)) == {}


@pytest.mark.parametrize("text", ["", "x", "1,", "1,1", "-1", "1.5"])
def test_wrong_seeds_are_refused(text: str) -> None:
    with pytest.raises(HailstreamError) as refused:
        parse_seeds(text)
    assert "--seeds" in refused.value.message
    assert refused.value.exit_code == 2
    assert parse_seeds("3,4") == [3, 4]
