"""Setting, listing and removing policies, whatever keeps their messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hailstream.control_log import Message
from hailstream.domain.surge.policies import DEFAULT, Policies
from hailstream.domain.surge.policy import PARAMETERS, Policy, PolicyError, make_policy, parse_policy, write_policy
from hailstream.errors import HailstreamError


class PolicyLog(Protocol):
    """What keeps the messages: of each key the newest at least."""

    def read(self) -> list[Message]:
        """All messages, in order."""

    def write(self, key: bytes, value: bytes | None) -> None:
        """Append a message; returns when it is stored."""


@dataclass(frozen=True)
class Listing:
    """What the messages say.

    Attributes:
        policies: in force.
        refused: by key the newest message, where it is no policy; what was set before it holds on.
        changes: how many there were so far, those included that are no longer kept.
    """

    policies: Policies = field(default_factory=Policies)
    refused: Mapping[bytes, tuple[Message, PolicyError]] = field(default_factory=dict)
    changes: int = 0


def listing(log: PolicyLog) -> Listing:
    """What the messages say now."""
    policies = Policies()
    refused: dict[bytes, tuple[Message, PolicyError]] = {}
    changes = 0
    for message in log.read():
        changes = max(changes, message.offset + 1)
        refused.pop(message.key, None)
        if message.value is None:
            policies = policies.without(message.key.decode(errors="replace"))
            continue
        try:
            policies = policies.with_(parse_policy(message.value, message.key))
        except PolicyError as error:
            refused[message.key] = message, error
    return Listing(policies, refused, changes)


def set_policy(log: PolicyLog, scope: str, parameters: Mapping[str, Any]) -> tuple[Policy, Policy]:
    """Set the parameters of a scope; the others keep their value, or have the default.

    Returns:
        what held for the scope itself before (the default if nothing did), and what holds now.

    Raises:
        PolicyError: the scope or a parameter is wrong; nothing is written.
        HailstreamError: no parameter is given.
    """
    make_policy(scope=scope, **parameters)  # what is wrong is told before anybody is asked
    if not parameters:
        raise HailstreamError(
            f"nothing to set for {scope}",
            hint="give a parameter, e.g. --cap 2.5; `hailstream surge policy set --help` lists them",
            exit_code=2,
        )
    known = listing(log)
    before = known.policies.set_for(scope) or DEFAULT
    kept = {name: getattr(before, name) for name in PARAMETERS}
    policy = make_policy(scope=scope, revision=known.changes + 1, **(kept | dict(parameters)))
    log.write(scope.encode(), write_policy(policy))
    return before, policy


def remove_policy(log: PolicyLog, scope: str) -> None:
    """Take away what was set for a scope, or a refused message with that key.

    Raises:
        HailstreamError: there is nothing; says what there is.
    """
    known = listing(log)
    if known.policies.set_for(scope) is None and scope.encode() not in known.refused:
        there = ", ".join(policy.scope for policy in known.policies) or "none at all"
        raise HailstreamError(f"no policy is set for {scope!r}", hint=f"set are: {there}")
    log.write(scope.encode(), None)
