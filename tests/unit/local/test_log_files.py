"""Logs are followed across the manager's rotation."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from hailstream.errors import HailstreamError
from hailstream.local.log_files import tail


def test_only_the_last_lines_are_given(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("one\ntwo\nthree")
    assert list(tail(log, 2)) == ["two", "three"]
    assert list(tail(log, 0)) == []
    assert list(tail(log, 9)) == ["one", "two", "three"]


def test_following_gives_whole_lines_and_goes_on_in_the_new_file_after_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("old\n")
    steps = iter(
        (
            lambda: log.open("a").write("half "),
            lambda: log.open("a").write("a line\nlast of this file\n"),
            lambda: (log.rename(tmp_path / "kafka.log.1"), log.write_text("first of the next\n")),
        )
    )
    lines = tail(log, 1, follow=True, sleep=lambda _seconds: next(steps)())
    assert list(islice(lines, 4)) == ["old", "half a line", "last of this file", "first of the next"]


def test_a_log_that_is_not_there_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match=r"no log yet at .*redis\.log") as caught:
        list(tail(tmp_path / "redis.log", 5))
    assert "hailstream up" in caught.value.hint
