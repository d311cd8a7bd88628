"""Which checkpoint a job goes on from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import PARTS
from hailstream.jobs.checkpoints import new_run, newest_checkpoint
from hailstream.settings import Settings

SPEC = PARTS["revenue"]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path, namespace="demo")


def folder(settings: Settings, after: float = 0.0) -> Path:
    uri = new_run(SPEC, settings, NOON + timedelta(seconds=after))
    assert uri is not None
    return Path(uri.removeprefix("file://"))


def complete(run: Path, job: str, number: int) -> Path:
    path = run / job / f"chk-{number}"
    path.mkdir(parents=True)
    (path / "_metadata").touch()
    return path


def test_the_highest_number_of_the_last_run_is_the_newest(settings: Settings) -> None:
    earlier, later = folder(settings), folder(settings, after=0.001)
    complete(earlier, "a", 99)
    complete(later, "b", 9)
    newest = complete(later, "c", 10)
    (later / "c" / "chk-11").mkdir()  # not complete: no metadata yet
    found = newest_checkpoint(SPEC, settings)
    assert (found.path, found.run) == (newest, later)


def test_a_run_without_a_checkpoint_does_not_go_on_from_that_of_another(settings: Settings) -> None:
    complete(folder(settings), "a", 3)
    folder(settings, after=1).mkdir()
    with pytest.raises(HailstreamError, match="no checkpoint of job revenue in namespace demo"):
        newest_checkpoint(SPEC, settings)


def test_nothing_at_all_is_said_with_what_to_do(settings: Settings) -> None:
    with pytest.raises(HailstreamError, match="no checkpoint") as error:
        newest_checkpoint(SPEC, settings)
    assert "hailstream jobs run revenue" in error.value.hint


def test_another_generation_or_namespace_is_another_job(settings: Settings) -> None:
    complete(folder(settings), "a", 3)
    for other in ({"generation": 2}, {"namespace": "other"}):
        with pytest.raises(HailstreamError, match="no checkpoint"):
            newest_checkpoint(SPEC, settings.model_copy(update=other))


def test_all_but_the_newest_are_cleared_away(settings: Settings) -> None:
    run, other = folder(settings, after=1), folder(settings)
    stale, newest, elsewhere = complete(run, "a", 40), complete(run, "b", 41), complete(other, "c", 7)
    begun = run / "b" / "chk-42"
    (begun / "state").mkdir(parents=True)
    newest_checkpoint(SPEC, settings).clear_older()
    assert (stale.exists(), begun.exists(), newest.exists(), elsewhere.exists()) == (False, False, True, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoint_dir": "s3://bucket/x/"}, r"s3://bucket/x/demo/revenue\.1.*only be searched"),
        ({"flink_url": "http://flink:8081"}, "http://flink:8081 keeps checkpoints of revenue is not known"),
    ],
)
def test_where_it_cannot_be_looked_for_is_said(settings: Settings, changes: dict[str, str], message: str) -> None:
    with pytest.raises(HailstreamError, match=message) as error:
        newest_checkpoint(SPEC, settings.model_copy(update=changes))
    assert "--from-savepoint" in error.value.hint
