"""The schedule of kills and pauses."""

from __future__ import annotations

import pytest

from hailstream.errors import HailstreamError
from tests.chaos.ledger.schedule import CHOICES, LONGEST_PAUSE, SHORTEST_PAUSE, draw


def test_a_seed_gives_its_schedule_again_and_another_gives_another() -> None:
    assert draw(7, 600, 20) == draw(7, 600, 20)
    assert draw(7, 600, 20) != draw(8, 600, 20)


@pytest.mark.parametrize("seed", range(20))
def test_everything_happens_once_before_anything_happens_twice(seed: int) -> None:
    actions = draw(seed, 600, len(CHOICES) + 5)
    assert {(action.kind, action.target) for action in actions[: len(CHOICES)]} == set(CHOICES)
    assert [action.at for action in actions] == sorted(action.at for action in actions)
    assert all(0 < action.at < 600 for action in actions)
    assert all((SHORTEST_PAUSE <= action.pause <= LONGEST_PAUSE) == (action.kind == "pause") for action in actions)


def test_few_are_of_different_kinds() -> None:
    actions = draw(3, 90, 5)
    assert len({(action.kind, action.target) for action in actions}) == 5


def test_only_what_is_asked_for_happens() -> None:
    assert {action.name for action in draw(1, 60, 4, [("kill", "broker")])} == {"kill broker"}


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 3), (60.0, -1)])
def test_what_cannot_be_drawn_is_refused(seconds: float, count: int) -> None:
    with pytest.raises(HailstreamError, match="cannot be drawn"):
        draw(1, seconds, count)
