from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hailstream.domain.surge.policies import DEFAULT, NOWHERE, Policies
from hailstream.domain.surge.policy import PARAMETERS, Policy, PolicyError, make_policy, parse_policy, write_policy
from hailstream.domain.surge.scope import BOROUGHS, scope_order
from hailstream.domain.zones import zone

QUEENS, CITY = "borough:Queens", "city"


def message(**fields: Any) -> bytes:
    return json.dumps({"scope": CITY} | fields).encode()


def test_what_a_message_leaves_out_has_its_default() -> None:
    policy = parse_policy(message(cap=2.5, revision=3))
    assert policy.cap == 2.5
    assert policy.label == "city#3"
    others = [name for name in PARAMETERS if name != "cap"]
    assert [getattr(policy, name) for name in others] == [getattr(DEFAULT, name) for name in others]


def test_a_step_that_floating_point_misses_is_met() -> None:
    assert parse_policy(message(cap=2.0 + 0.1 + 0.2)).cap == 2.3


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("enabled", "yes", "true or false"),
        ("enabled", 1, "true or false"),
        ("sensitivity", -0.1, "a number from 0 to 10"),
        ("sensitivity", "0.5", "a number from 0 to 10"),
        ("threshold", 100.5, "a number from 0 to 100"),
        ("threshold", None, "a number from 0 to 100"),
        ("half_life_minutes", 0, "a number from 0.5 to 60"),
        ("half_life_minutes", float("nan"), "a number from 0.5 to 60"),
        ("hysteresis", 0.04, "a number from 0.05 to 1"),
        ("hysteresis", float("inf"), "a number from 0.05 to 1"),
        ("cap", 0.9, "a number from 1 to 5 in steps of 0.1"),
        ("cap", 5.1, "a number from 1 to 5 in steps of 0.1"),
        ("cap", 2.55, "a number from 1 to 5 in steps of 0.1"),
        ("max_change", 0, "a number from 0.1 to 4 in steps of 0.1"),
        ("max_change", 0.25, "a number from 0.1 to 4 in steps of 0.1"),
        ("max_change", True, "a number from 0.1 to 4 in steps of 0.1"),
        ("min_samples", 0, "a whole number from 1 to 1000"),
        ("min_samples", 2.0, "a whole number from 1 to 1000"),
        ("min_samples", [5], "a whole number from 1 to 1000"),
        ("revision", -1, f"a whole number from 0 to {2**53}"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(field: str, value: object, allowed: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(message(**{field: value}))
    assert error.value.message.startswith(f"wrong policy: {field} ")
    assert error.value.message.endswith(f" must be {allowed}")
    assert error.value.exit_code == 2
    if isinstance(value, str | int):
        assert repr(value) in error.value.message


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(PolicyError, match=r"cap 9 must be .*; there is no parameter 'kap'") as error:
        parse_policy(message(cap=9, kap=2.5))
    assert error.value.message.count(";") == 1


@pytest.mark.parametrize("value", [b"", b"{", b"null", b"[1]", b'"city"', b"\xff\xfe", b'{"scope": "\xff"}'])
def test_what_is_no_json_object_is_refused(value: bytes) -> None:
    with pytest.raises(PolicyError, match="wrong policy: not a JSON object: "):
        parse_policy(value)


def test_a_policy_needs_a_scope() -> None:
    with pytest.raises(PolicyError, match="scope is missing"):
        parse_policy(b"{}")
    with pytest.raises(PolicyError, match="scope 7 must be a text"):
        parse_policy(message(scope=7))


@pytest.mark.parametrize(
    "scope", ["", "City", "zone:0", "zone:266", "zone:07", "zone:1 ", "borough:", "borough:queens"]
)
def test_a_scope_that_is_none_is_told_what_there_is(scope: str) -> None:
    with pytest.raises(PolicyError, match=r"is no scope: there are city, borough:Bronx, .* and zone:1 to zone:263"):
        make_policy(scope=scope)


@pytest.mark.parametrize("scope", ["zone:264", "zone:265"])
def test_no_policy_can_be_set_for_what_is_no_place(scope: str) -> None:
    with pytest.raises(PolicyError, match="no place"):
        make_policy(scope=scope)


def test_a_key_that_is_not_the_scope_is_refused() -> None:
    assert parse_policy(message(), b"city").scope == CITY
    for key in (b"zone:1", b"", b"\xff"):
        with pytest.raises(PolicyError, match=r"the key .* is not its scope city"):
            parse_policy(message(), key)


def test_a_long_wrong_value_is_shortened() -> None:
    with pytest.raises(PolicyError) as error:
        parse_policy(message(cap="x" * 100_000))
    assert len(error.value.message) < 300


POLICIES = st.builds(
    Policy,
    scope=st.sampled_from([CITY, *(f"borough:{name}" for name in BOROUGHS), "zone:1", "zone:93", "zone:263"]),
    revision=st.integers(0, 2**53),
    enabled=st.booleans(),
    sensitivity=st.floats(0, 10),
    threshold=st.floats(0, 100),
    half_life_minutes=st.floats(0.5, 60),
    hysteresis=st.floats(0.05, 1),
    cap=st.integers(10, 50).map(lambda tenths: tenths / 10),
    max_change=st.integers(1, 40).map(lambda tenths: tenths / 10),
    min_samples=st.integers(1, 1000),
)


@settings(max_examples=50, deadline=None)
@given(POLICIES)
def test_a_policy_is_read_as_it_was_written(policy: Policy) -> None:
    assert parse_policy(write_policy(policy), policy.scope.encode()) == policy


@settings(max_examples=50, deadline=None)
@given(st.lists(POLICIES, max_size=5))
def test_policies_survive_as_plain_builtins(drawn: list[Policy]) -> None:
    policies = Policies()
    for policy in drawn:
        policies = policies.with_(policy)
    plain = policies.to_plain()
    assert {type(value) for fields in plain.values() for value in fields.values()} <= {str, int, bool, float}
    assert Policies.from_plain(json.loads(json.dumps(plain))) == policies


def test_the_narrowest_policy_holds() -> None:
    city, queens, corona = (make_policy(scope=scope, revision=1) for scope in (CITY, QUEENS, "zone:56"))
    policies = Policies()
    assert policies.of(56) == DEFAULT
    policies = policies.with_(queens).with_(city).with_(corona)
    assert policies.of(56) == corona
    assert policies.of(57) == queens
    assert zone(4).borough == "Manhattan"
    assert policies.of(4) == city
    assert policies.without("zone:56").of(56) == queens
    assert policies.without("zone:56").without(QUEENS).of(56) == city
    assert policies.without("zone:1") == policies
    assert [policy.scope for policy in policies] == [CITY, QUEENS, "zone:56"]


def test_policies_never_change() -> None:
    before = Policies().with_(make_policy(scope=CITY))
    before.with_(make_policy(scope=CITY, cap=2.0)).without(CITY)
    assert before.of(1).cap == DEFAULT.cap
    assert before.of(1).scope == CITY


def test_zones_that_are_no_place_have_no_surge_whatever_is_set() -> None:
    policies = Policies().with_(make_policy(scope=CITY))
    assert [policies.of(number) for number in (264, 265)] == [NOWHERE, NOWHERE]
    assert NOWHERE.enabled is False
    with pytest.raises(KeyError):
        policies.of(266)


def test_scopes_are_sorted_from_wide_to_narrow_and_zones_by_number() -> None:
    scopes = ["zone:100", "zone:9", QUEENS, "borough:Bronx", CITY]
    assert sorted(scopes, key=scope_order) == [CITY, "borough:Bronx", QUEENS, "zone:9", "zone:100"]
