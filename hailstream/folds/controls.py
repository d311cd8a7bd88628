"""What people told the jobs: policies and profiles, as the messages that set them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hailstream.domain.forecast.profile import Profile, parse_profile
from hailstream.domain.surge.policies import Policies
from hailstream.domain.surge.policy import parse_policy
from hailstream.errors import HailstreamError
from hailstream.topics import FORECAST_PROFILES, SURGE_POLICIES

#: Topic (without namespace and version of the job) and key of a message.
Key: TypeAlias = tuple[str, bytes]
_READ = {SURGE_POLICIES.base: parse_policy, FORECAST_PROFILES.base: parse_profile}


@dataclass(frozen=True)
class Refused:
    """A message that cannot be followed.

    Attributes:
        topic: its full name.
        partition, offset, time: of its record; ms.
        reason, value: why, and what it said.
    """

    topic: str
    partition: int
    offset: int
    time: int
    reason: str
    value: bytes


def why_refused(key: Key, value: bytes) -> str | None:
    """What is wrong with a message; None: nothing."""
    topic, scope = key
    try:
        _READ[topic](value, scope)
    except HailstreamError as error:
        return error.message
    return None


class Controls:
    """The policies and the profile that valid messages set.

    Args:
        messages: the newest of each key.
    """

    def __init__(self, messages: Mapping[Key, bytes]) -> None:
        policies, profile = Policies(), []
        for (topic, scope), value in sorted(messages.items()):
            if topic == SURGE_POLICIES.base:
                policies = policies.with_(parse_policy(value, scope))
            else:
                profile.append(parse_profile(value, scope))
        self.policies = policies
        self.profile = Profile(profile)
