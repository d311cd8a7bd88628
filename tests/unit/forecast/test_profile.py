"""The message of a profile, and the lookup made of many."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from hailstream.domain.forecast.profile import LARGEST_BYTES, Profile, ProfileError, parse_profile
from tests.unit.forecast.quarters import rhythm, zone_profile


def message(**changes: Any) -> bytes:
    fields = {"zone_id": 74, "revision": "r1", "learned_from": 0, "learned_until": 900_000, "usual": [1.5] * 672}
    return json.dumps({name: value for name, value in (fields | changes).items() if value is not ...}).encode()


def test_a_message_is_read_as_it_was_written_and_is_small() -> None:
    written = zone_profile(usual=[round(value, 5) for value in rhythm(3.3, 70)])
    assert parse_profile(written.to_bytes(), b"74") == written
    assert len(written.to_bytes()) < 10_000


def test_whole_numbers_are_numbers() -> None:
    assert parse_profile(message(usual=[2] * 672)).usual[0] == 2.0


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"", "JSON"),
        (b"[1]", "object"),
        (b"\xff\xfe", "JSON"),
        (message(zone_id=266), "zone_id.*265"),
        (message(zone_id="74"), "zone_id.*integer"),
        (message(revision=...), "revision.*required"),
        (message(revision=""), "revision"),
        (message(revision="none"), "revision is 'none'"),
        (message(learned_until=0), "learned_until is not after"),
        (message(usual=[1.0] * 671), "usual.*672.*671"),
        (message(usual=[1.0] * 673), "usual.*672"),
        (message(usual=[1.0] * 671 + [-0.1]), r"usual\.671.*greater than or equal to 0"),
        (message(usual=[1.0] * 671 + ["2"]), r"usual\.671.*number"),
        (message(usual=[1.0] * 671).replace(b"[1.0", b"[NaN, 1.0"), "usual.0|JSON"),
        (message(usual=["x"] * 672), r"usual.0.*; and 6\d\d more"),
        (message(more=1), "more.*not permitted"),
        (b" " * (LARGEST_BYTES + 1), "at most 100,000"),
    ],
)
def test_what_is_no_profile_is_refused_and_says_why(value: bytes, says: str) -> None:
    with pytest.raises(ProfileError, match=says) as refused:
        parse_profile(value)
    assert refused.value.exit_code == 2
    assert len(refused.value.message) < 1000


def test_a_key_of_another_zone_is_refused() -> None:
    with pytest.raises(ProfileError, match="key '75' is not its zone 74"):
        parse_profile(message(), b"75")


def test_profiles_are_replaced_and_taken_away_without_changing_what_was() -> None:
    none = Profile.empty()
    one = none.with_(zone_profile(74))
    newer = one.with_(zone_profile(74, 9.0, "r2")).with_(zone_profile(7))
    gone = newer.without(74).without(100)
    assert [len(each) for each in (none, one, newer, gone)] == [0, 1, 2, 1]
    assert [each.revision(74) for each in (none, one, newer, gone)] == ["none", "r1", "r2", "none"]
    assert [zone.zone_id for zone in newer] == [7, 74]
    assert newer.usual(74) is not None
    assert gone.usual(74) is None


def test_what_is_usual_cannot_be_written_to() -> None:
    usual = Profile([zone_profile()]).usual(74)
    assert usual is not None
    with pytest.raises(ValueError, match="read-only"):
        usual[0] = 1.0


def test_a_profile_survives_being_pickled() -> None:
    profile = pickle.loads(pickle.dumps(Profile([zone_profile(74, 2.5)])))
    assert np.array_equal(profile.usual(74), np.full(672, 2.5))
