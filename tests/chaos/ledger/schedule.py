"""What happens when: drawn from a seed, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from hailstream.errors import HailstreamError

Kind = Literal["kill", "pause", "nothing"]
KINDS: tuple[Kind, ...] = ("kill", "pause")
TARGETS = (
    "taskmanager",
    "jobmanager",
    "python-worker",
    "clickhouse-loader",
    "redis-loader",
    "broker",
    "registry",
    "clickhouse",
    "redis",
    "replayer",
)
Choice = tuple[Kind, str]
CHOICES: tuple[Choice, ...] = tuple(product(KINDS, TARGETS))

# Flink gives a silent process up after 10 s, Kafka a consumer after 6 s: pauses fall on both sides.
SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 15.0
# Of the time, at its beginning and end, in which nothing happens: what was done last is seen to its end in traffic.
QUIET = 0.05
#: Seconds that events flow before, at most, so that the undisturbed way through is seen.
LEAD = 45.0


@dataclass(frozen=True)
class Action:
    """One thing done to one process.

    Attributes:
        at: seconds after the actions begin: when the undisturbed way through was seen, or after LEAD.
        kind: kill is SIGKILL, pause is SIGSTOP and SIGCONT after a while; nothing leaves the pipeline undisturbed.
        target: which process.
        pick: 0 to 1: which of several.
        pause: seconds; 0 for a kill.
    """

    at: float
    kind: Kind
    target: str
    pick: float = 0.0
    pause: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.kind} {self.target}".strip()


def draw(seed: int, seconds: float, count: int, choices: Sequence[Choice] = CHOICES) -> list[Action]:
    """So many actions over so many seconds, in order of time.

    Each choice comes once before any comes twice. The time is cut in equal
    slices and each action falls somewhere in its own, so that most of them are
    seen to the end and some meet.

    Raises:
        HailstreamError: there is nothing to draw from.
    """
    if count < 0 or seconds <= 0 or (count and not choices):
        raise HailstreamError(f"{count} actions in {seconds:g} s cannot be drawn", exit_code=2)
    rng = random.Random(seed)
    order = rng.sample(choices, len(choices))
    order += [rng.choice(choices) for _ in range(count - len(order))]
    first, length = seconds * QUIET, seconds * (1 - 2 * QUIET) / max(count, 1)
    actions = []
    for number, (kind, target) in enumerate(order[:count]):
        at, pick, pause = rng.random(), rng.random(), rng.uniform(SHORTEST_PAUSE, LONGEST_PAUSE)
        actions.append(Action(first + (number + at) * length, kind, target, pick, pause if kind == "pause" else 0.0))
    return actions
