"""Which plans may go on from saved state."""

from __future__ import annotations

from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.flink.plan import settle_plan


def test_an_equal_plan_goes_on_from_its_savepoint(tmp_path: Path) -> None:
    kept = tmp_path / "plans" / "city.json"
    settle_plan('{"nodes": 1}', kept, restoring=False)
    settle_plan('{"nodes": 1}', kept, restoring=True)
    assert kept.read_text() == '{"nodes": 1}'


def test_a_changed_plan_is_refused_with_the_change_and_the_way_and_the_kept_one_stays(tmp_path: Path) -> None:
    kept = tmp_path / "city.json"
    settle_plan('{\n"size": 5\n}', kept, restoring=False)
    with pytest.raises(HailstreamError, match=r'- "size": 5; \+ "size": 6') as refused:
        settle_plan('{\n"size": 6\n}', kept, restoring=True)
    assert "HAILSTREAM_GENERATION" in refused.value.hint
    assert '"size": 5' in kept.read_text()


def test_a_fresh_start_may_change_the_plan(tmp_path: Path) -> None:
    kept = tmp_path / "city.json"
    settle_plan("old", kept, restoring=False)
    settle_plan("new", kept, restoring=False)
    assert kept.read_text() == "new"
