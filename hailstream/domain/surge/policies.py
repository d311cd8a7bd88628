"""Which policy holds in which zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hailstream.domain.surge.policy import Policy, make_policy
from hailstream.domain.surge.scope import SCOPES, scope_order

# Their scopes are no scopes that a policy can be set for.
#: Where nothing was set.
DEFAULT: Final = Policy.model_construct(scope="default")
#: For zones 264 and 265, which are no places.
NOWHERE: Final = Policy.model_construct(scope="nowhere", enabled=False)


class Policies:
    """All policies that were set; never changes."""

    def __init__(self, policies: Mapping[str, Policy] | None = None) -> None:
        self._policies = dict(policies or {})

    def of(self, zone_id: int) -> Policy:
        """The policy of a zone: its own, else its borough's, else the city's, else the default.

        Raises:
            KeyError: ``zone_id`` is not within 1-265.
        """
        scopes = SCOPES[zone_id]
        if not scopes:
            return NOWHERE
        policies = self._policies
        for scope in scopes:
            if scope in policies:
                return policies[scope]
        return DEFAULT

    def set_for(self, scope: str) -> Policy | None:
        """The policy that was set for exactly this scope."""
        return self._policies.get(scope)

    def with_(self, policy: Policy) -> Policies:
        """These and ``policy``, which replaces the one of its scope."""
        return Policies(self._policies | {policy.scope: policy})

    def without(self, scope: str) -> Policies:
        """These but the one of ``scope``, if there is one."""
        return Policies({name: policy for name, policy in self._policies.items() if name != scope})

    def to_plain(self) -> dict[str, dict[str, Any]]:
        """Scope to fields, as plain builtins."""
        return {scope: policy.model_dump() for scope, policy in self._policies.items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Mapping[str, Any]]) -> Policies:
        """What :meth:`to_plain` gave.

        Raises:
            PolicyError: a field is wrong; it was not given by :meth:`to_plain`.
        """
        return cls({scope: make_policy(**fields) for scope, fields in plain.items()})

    def __iter__(self) -> Iterator[Policy]:
        """The widest scope first."""
        return iter(sorted(self._policies.values(), key=lambda policy: scope_order(policy.scope)))

    def __len__(self) -> int:
        return len(self._policies)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policies) and self._policies == other._policies

    def __hash__(self) -> int:
        return hash(frozenset(self._policies.values()))
