"""Which jobs there are and which exclude each other."""

from __future__ import annotations

import pytest

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import JOBS, find_job, rivals


def test_every_job_has_its_file() -> None:
    assert all(spec.file.is_file() for spec in JOBS.values())


def test_the_city_excludes_its_parts_and_they_it_but_not_each_other() -> None:
    assert {spec.name for spec in rivals(JOBS["city"])} == {"city", "zone_counts", "revenue"}
    assert {spec.name for spec in rivals(JOBS["revenue"])} == {"city", "revenue"}


def test_an_unknown_job_is_answered_with_those_there_are() -> None:
    with pytest.raises(HailstreamError, match="no job 'surges'") as error:
        find_job("surges")
    assert "zone_counts" in error.value.hint
