"""A week that counts were drawn from is found again, the better the more there is to learn from."""

from __future__ import annotations

import numpy as np
import pytest

from hailstream.domain.forecast.history import History
from hailstream.domain.forecast.learn import LEAST_QUARTERS, learn
from hailstream.domain.forecast.profile import Profile, parse_profile
from hailstream.domain.forecast.week import QUARTER_MS
from hailstream.errors import HailstreamError
from tests.unit.forecast.quarters import MONDAY, drawn, rhythm

TRUE = {7: rhythm(0.3, 40), 74: rhythm(6.0, 70), 132: rhythm(40.0, 20)}


def usual(profile: Profile, zone_id: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = profile.usual(zone_id)
    assert found is not None
    return found


def off(profile: Profile, zone_id: int) -> float:
    """Mean distance from the true week, as a share of its mean."""
    return float(np.abs(usual(profile, zone_id) - TRUE[zone_id]).mean() / TRUE[zone_id].mean())


def test_the_true_week_is_found() -> None:
    profile = learn(drawn(TRUE, weeks=8))
    assert [zone.zone_id for zone in profile] == [7, 74, 132]
    assert off(profile, 132) < 0.04
    assert off(profile, 74) < 0.08
    assert off(profile, 7) < 0.3
    for zone_id, week in TRUE.items():
        assert usual(profile, zone_id).mean() == pytest.approx(week.mean(), rel=0.05)


def test_more_history_is_better() -> None:
    errors = [off(learn(drawn(TRUE, weeks)), 74) for weeks in (1, 3, 8)]
    assert errors == sorted(errors, reverse=True)


def test_a_week_learned_is_nearer_to_the_truth_than_the_week_seen() -> None:
    history = drawn(TRUE, weeks=1)
    seen = np.abs(history.counts[1] - TRUE[74]).mean() / TRUE[74].mean()
    assert off(learn(history), 74) < 0.6 * seen


def test_a_quiet_zone_leans_on_the_city() -> None:
    """A zone with a handful of starts is expected to have its starts when the city has them."""
    week = rhythm(20.0, 70)
    history = drawn({7: week * 0.0005, 74: week}, weeks=2, seed=8)
    assert 0 < history.counts[0].sum() < 30
    quiet = usual(learn(history), 7)
    assert np.corrcoef(quiet, week)[0, 1] > 0.7


def test_recent_weeks_count_more() -> None:
    before, after = (drawn({74: rhythm(mean, 70)}, 8, seed=int(mean)).counts for mean in (4.0, 8.0))
    profile = learn(History((74,), MONDAY, np.concatenate([before, after], axis=1)))
    # Half-life 4 weeks: the last eight weigh four times what the eight before do.
    assert usual(profile, 74).mean() == pytest.approx(
        0.8 * rhythm(8.0, 70).mean() + 0.2 * rhythm(4.0, 70).mean(), rel=0.03
    )


def test_holes_in_the_record_are_not_taken_for_silence() -> None:
    whole = drawn(TRUE, weeks=6)
    counts = whole.counts.copy()
    counts[:, 700:1300] = 0
    holed = learn(History(whole.zones, whole.first, counts))
    assert usual(holed, 132).mean() == pytest.approx(TRUE[132].mean(), rel=0.02)


def test_days_go_by_new_york_in_summer_too() -> None:
    spring = drawn(TRUE, weeks=16)  # across 2024-03-10, from when on all is one hour earlier in UTC
    winter = (9 - 1) * 672 + 6 * 96 + 2 * 4
    counts = np.concatenate([spring.counts[:, :winter], spring.counts[:, winter + 4 :]], axis=1)
    assert off(learn(History(spring.zones, spring.first, counts)), 132) < 0.04


def test_a_zone_without_starts_has_no_profile() -> None:
    history = drawn(TRUE | {1: rhythm(0.0, 0)}, weeks=2)
    assert learn(history).usual(1) is None


def test_equal_histories_have_equal_revisions_and_others_not() -> None:
    one, same, other = (learn(drawn(TRUE, 2, seed)) for seed in (1, 1, 2))
    assert one.revision(7) == one.revision(74) == same.revision(7) != other.revision(7)
    assert one.revision(7).startswith("2024-01-22T05:00Z-")
    zone = next(iter(one))
    assert (zone.learned_from, zone.learned_until) == (MONDAY * QUARTER_MS, (MONDAY + 2 * 672) * QUARTER_MS)
    assert parse_profile(zone.to_bytes()) == zone


def test_less_than_a_week_is_refused() -> None:
    short = drawn(TRUE, weeks=1).between(MONDAY, MONDAY + LEAST_QUARTERS - 96)
    with pytest.raises(HailstreamError, match=r"6\.0 days") as refused:
        learn(short)
    assert "7 days" in refused.value.hint


def test_only_working_days_are_enough_to_say_something_of_all() -> None:
    whole = drawn(TRUE, weeks=2)
    counts = whole.counts * (np.arange(2 * 672) % 672 < 5 * 96)
    week = usual(learn(History(whole.zones, whole.first, counts)), 74)
    assert np.isfinite(week).all()
    assert (week > 0).all()
