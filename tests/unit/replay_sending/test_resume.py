from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from hailstream.errors import HailstreamError
from hailstream.replay.plan import require_same_topics
from hailstream.replay.resume import (
    Digest,
    ReplayState,
    alone,
    fingerprint,
    load_state,
    require_same_source,
    save_state,
)
from tests.unit.replay_sending.events import event, frame

STATE = ReplayState("interrupted", {"files": {"a": "1"}}, {"t": {0: 5, 1: 7}}, 12, "abc", 99, {"t": 12}, {"future": 1})


def test_a_state_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "replays" / "n.json"
    save_state(path, STATE.advanced(status="running"))
    save_state(path, STATE)
    assert load_state(path) == STATE
    assert [file.name for file in path.parent.iterdir()] == ["n.json"]


def test_without_a_state_there_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(HailstreamError, match="no interrupted replay"):
        load_state(tmp_path / "n.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 0}', '{"version": 1, "offsets": 3}'])
def test_a_damaged_state_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "n.json"
    path.write_text(text)
    with pytest.raises(HailstreamError, match=r"n\.json cannot be read"):
        load_state(path)


def test_a_replay_that_is_done_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "n.json"
    save_state(path, STATE.advanced(status="done"))
    with pytest.raises(HailstreamError, match="is done"):
        load_state(path)


def test_another_source_is_refused_and_what_differs_is_named() -> None:
    require_same_source(STATE, json.loads(json.dumps(STATE.source)))
    with pytest.raises(HailstreamError, match="limit was None, is 7"):
        require_same_source(STATE, STATE.source | {"limit": 7})


def test_a_file_that_changed_has_another_fingerprint(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text("1,2,3")
    pattern = str(tmp_path / "*.csv")
    before = fingerprint([pattern, "sim:seed=1"])
    assert len(before) == 3
    assert fingerprint([str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "sim:seed=1"]) == before
    (tmp_path / "a.csv").write_text("1,2,4")
    assert fingerprint([pattern, "sim:seed=1"]) != before


def test_the_digest_depends_on_the_events_and_not_on_how_they_are_cut() -> None:
    rows = frame([event(n, n * 5) for n in range(30)])

    def of(*frames: pl.DataFrame) -> str:
        digest = Digest()
        for part in frames:
            digest.update(part)
        return digest.text()

    assert of(*rows.iter_slices(7)) == of(rows)
    assert of(rows.reverse()) != of(rows)
    assert of(rows.head(29)) != of(rows)
    assert of(frame([event(n, n * 5 + (n == 3)) for n in range(30)])) != of(rows)


@pytest.mark.parametrize("now", [{}, {"t": {0: 5}}, {"t": {0: 5, 1: 7, 2: 0}}, {"t": {0: 4, 1: 7}}], ids=str)
def test_topics_that_were_made_anew_are_refused(now: dict[str, dict[int, int]]) -> None:
    require_same_topics(STATE.offsets, {"t": {0: 5, 1: 8}})
    with pytest.raises(HailstreamError, match="topic t was deleted, or its partitions were changed"):
        require_same_topics(STATE.offsets, now)


def test_two_replays_never_share_a_namespace(tmp_path: Path) -> None:
    path = tmp_path / "replays" / "n.json"
    with alone(path):
        with alone(path.with_name("other.json")):
            pass
        with pytest.raises(HailstreamError, match="another replay runs in namespace n"), alone(path):
            pass
    with alone(path):
        pass
