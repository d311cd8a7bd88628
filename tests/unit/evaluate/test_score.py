"""Hits, misses and false alerts are counted as what they are."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hailstream.domain.alerts.alert import RULES
from hailstream.evaluate.detect import Found
from hailstream.evaluate.labels import Labels
from hailstream.evaluate.report import print_scores
from hailstream.evaluate.score import RuleScore, score, total

LABELS = Labels(
    injected={"two_vehicles": 4, "fare_outlier": 10},
    should={"two_vehicles": {("a", "x"), ("b", "y"), ("c", "z")}, "fare_outlier": {(f"{n}", None) for n in range(10)}},
    also={"two_vehicles": frozenset({"w"})},
    details={("two_vehicles", "b"): "vehicles: in another vehicle"},
)


def of(rule: str, found: Found, labels: Labels = LABELS) -> RuleScore:
    return next(s for s in score(found, labels) if s.rule == rule)


def test_a_pair_is_a_hit_only_with_its_other_trip() -> None:
    found: Found = {"two_vehicles": {("a", "x"), ("b", "x"), ("d", "w"), ("w", None), ("e", None)}}
    done = of("two_vehicles", found)
    assert (done.injected, done.should, done.alerts, done.hits, done.also) == (4, 3, 5, 1, 2)
    assert done.missed == (("b", "y"), ("c", "z"))
    assert done.false == (("b", "x"), ("e", None))
    assert (done.precision, done.recall) == (1 / 3, 1 / 3)


def test_a_trip_with_another_fault_excuses_no_rule_that_is_not_named_for_it() -> None:
    assert of("fare_outlier", {"fare_outlier": {("w", None)}}).false == (("w", None),)


@pytest.mark.parametrize(("hits", "wrong", "met"), [(10, 1, True), (9, 1, True), (9, 2, False), (8, 0, False)])
def test_the_statistical_rule_needs_nine_of_ten(hits: int, wrong: int, met: bool) -> None:
    pairs = {(f"{n}", None) for n in range(hits)} | {(f"wrong{n}", None) for n in range(wrong)}
    done = of("fare_outlier", {"fare_outlier": pairs})
    assert done.target == 0.9
    assert done.met == met


@pytest.mark.parametrize(("hits", "met"), [(98, True), (97, False)])
def test_the_others_need_98_of_100(hits: int, met: bool) -> None:
    pairs = {(f"{n}", None) for n in range(100)}
    labels = Labels({}, {"implausible_speed": pairs}, {}, {})
    assert of("implausible_speed", {"implausible_speed": {(f"{n}", None) for n in range(hits)}}, labels).met == met


def test_a_rule_that_was_not_put_to_the_test_has_not_passed() -> None:
    done = of("refund_of_fare", {})
    assert (done.precision, done.recall, done.met) == (None, None, False)


def test_runs_add_up() -> None:
    found: Found = {"two_vehicles": {("a", "x"), ("e", None)}}
    scores = total([score(found, LABELS), score({}, LABELS)])
    assert [s.rule for s in scores] == list(RULES)
    done = next(s for s in scores if s.rule == "two_vehicles")
    assert (done.injected, done.should, done.hits, len(done.missed), len(done.false)) == (8, 6, 1, 5, 1)


def test_the_report_names_trips_and_faults_and_what_is_below_its_target() -> None:
    out = io.StringIO()
    print_scores(
        score({"two_vehicles": {("a", "x")}}, LABELS), LABELS.details, Console(file=out, width=120), examples=1
    )
    text = out.getvalue()
    assert "missed two_vehicles: b with y; vehicles: in another vehicle" in text
    assert "c with z" not in text
    assert "below the target: fare_outlier, two_vehicles" in text
    assert "not put to the test: implausible_speed" in text
    assert "0.3333" in text
