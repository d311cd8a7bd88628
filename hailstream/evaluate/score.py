"""Precision and recall of the rules of alerts against labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Final

from hailstream.domain.alerts.alert import FARE_OUTLIER, RULES
from hailstream.evaluate.detect import Found, Pair
from hailstream.evaluate.labels import Labels

#: What precision and recall of a rule must be at least.
TARGET: Final = 0.98
#: The same for rules that compare with what was usual: near the threshold chance decides.
TARGETS: Final[Mapping[str, float]] = {FARE_OUTLIER.name: 0.9}


@dataclass(frozen=True)
class RuleScore:
    """How a rule did.

    Attributes:
        injected: faults that are for it, of every size.
        should: of them those that it should find.
        hits: of these those that it found.
        also: alerts on trips with a fault for another rule, that this one may speak of: neither right nor wrong.
        missed, false: what it should have found and did not, and what it found and should not have.
    """

    rule: str
    injected: int
    should: int
    hits: int
    also: int
    missed: tuple[Pair, ...]
    false: tuple[Pair, ...]

    @property
    def alerts(self) -> int:
        return self.hits + self.also + len(self.false)

    @property
    def precision(self) -> float | None:
        """Of the alerts that are right or wrong, the share of the right ones; None where there are none."""
        judged = self.hits + len(self.false)
        return self.hits / judged if judged else None

    @property
    def recall(self) -> float | None:
        """Of what it should find, the share that it found; None where there is nothing."""
        return self.hits / self.should if self.should else None

    @property
    def target(self) -> float:
        return TARGETS.get(self.rule, TARGET)

    @property
    def met(self) -> bool:
        """Whether both are there and reach the target: a rule that was not put to the test has not passed."""
        return all(value is not None and value >= self.target for value in (self.precision, self.recall))


def score(found: Found, labels: Labels) -> list[RuleScore]:
    """The score of each rule, in the order of ``RULES``."""
    return [_score(rule, found.get(rule, set()), labels) for rule in RULES]


def total(scores: Iterable[list[RuleScore]]) -> list[RuleScore]:
    """The scores of several runs as one, rule by rule."""
    return [reduce(_plus, of_rule) for of_rule in zip(*scores, strict=True)]


def _score(rule: str, found: set[Pair], labels: Labels) -> RuleScore:
    should, may = labels.should.get(rule, set()), labels.also.get(rule, frozenset())
    others = found - should
    also = {pair for pair in others if not may.isdisjoint(pair)}
    return RuleScore(
        rule,
        labels.injected.get(rule, 0),
        len(should),
        len(found & should),
        len(also),
        tuple(sorted(should - found, key=str)),
        tuple(sorted(others - also, key=str)),
    )


def _plus(one: RuleScore, other: RuleScore) -> RuleScore:
    return RuleScore(
        one.rule,
        one.injected + other.injected,
        one.should + other.should,
        one.hits + other.hits,
        one.also + other.also,
        one.missed + other.missed,
        one.false + other.false,
    )
