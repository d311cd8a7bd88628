"""Which jobs there are and which exclude each other."""

from __future__ import annotations

import pytest

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import CITY, JOBS, PARTS, city_parts, find_job, rivals
from hailstream.settings import Settings
from hailstream.topics import ZONE_COUNTS, ZONE_REVENUE

ALL, WINDOWS = Settings(), Settings(city_jobs="revenue, zone_counts, revenue")


def test_every_job_has_its_file() -> None:
    assert all(find_job(name, ALL).file.is_file() for name in JOBS)


def test_the_city_excludes_its_parts_and_they_it_but_not_each_other() -> None:
    assert {spec.name for spec in rivals(find_job("city", ALL), ALL)} == {*PARTS, CITY}
    assert {spec.name for spec in rivals(find_job("revenue", ALL), ALL)} == {"city", "revenue"}
    assert {spec.name for spec in rivals(find_job("city", WINDOWS), WINDOWS)} == {"city", "zone_counts", "revenue"}


def test_the_archive_excludes_itself_alone() -> None:
    assert [spec.name for spec in rivals(find_job("archive", ALL), ALL)] == ["archive"]


def test_the_city_is_made_of_the_jobs_that_the_setting_names() -> None:
    assert {part.name for part in city_parts(ALL)} == set(PARTS)
    city = find_job("city", WINDOWS)
    assert (city.writes, city.folded) == ((ZONE_REVENUE, ZONE_COUNTS), False)
    assert find_job("city", ALL).folded


@pytest.mark.parametrize("jobs", ["", ",", "windows", "zone_counts,city"])
def test_a_city_of_jobs_that_there_are_not_is_refused(jobs: str) -> None:
    with pytest.raises(HailstreamError, match="HAILSTREAM_CITY_JOBS") as error:
        city_parts(Settings(city_jobs=jobs))
    assert "zone_counts" in error.value.hint


def test_an_unknown_job_is_answered_with_those_there_are() -> None:
    with pytest.raises(HailstreamError, match="no job 'surges'") as error:
        find_job("surges", ALL)
    assert "zone_counts" in error.value.hint
