"""A demo that cannot end well does not begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from hailstream.demo.run import open_demo
from hailstream.errors import HailstreamError
from hailstream.local.ports import free_port
from hailstream.namespace import delete_keys
from hailstream.settings import Settings


def test_jobs_that_are_not_all_proven_are_refused_by_name(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, namespace="demo", city_jobs="zone_counts,surge")
    with pytest.raises(HailstreamError, match="what revenue and trips say") as refused:
        open_demo(settings, ["sim:"])
    assert refused.value.exit_code == 2
    assert "HAILSTREAM_CITY_JOBS=zone_counts,surge,revenue,trips" in refused.value.hint


def test_data_that_is_not_there_is_named_before_a_server_starts(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match=r"no/such/file\.parquet"):
        open_demo(Settings(home=tmp_path, namespace="demo"), ["no/such/file.parquet"])


def test_a_redis_that_is_away_is_told_with_the_keys_it_should_delete(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, namespace="demo", redis_url=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(HailstreamError, match=r"did not delete the keys \S*demo\S*\*"):
        delete_keys(settings)
