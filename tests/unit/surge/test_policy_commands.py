from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from hailstream.control_log import Message
from hailstream.domain.surge.policies import DEFAULT
from hailstream.domain.surge.policy import PARAMETERS, PolicyError, make_policy, parse_policy, write_policy
from hailstream.errors import HailstreamError
from hailstream.settings import Settings
from hailstream.surge.commands import preview, register, set_
from hailstream.surge.policies import listing, remove_policy, set_policy
from hailstream.topics import ControlTopic


class MemoryLog:
    """Messages in memory; offsets never come twice, as on a topic."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def read(self) -> list[Message]:
        return list(self.messages)

    def write(self, key: bytes, value: bytes | None) -> None:
        self.messages.append(Message(key, value, self.messages[-1].offset + 1 if self.messages else 0))

    def compact(self) -> None:
        """Keep the newest message of each key, and no more of what was taken away."""
        newest = {message.key: message for message in self.messages}
        self.messages = [message for message in self.messages if newest[message.key] is message and message.value]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


def test_what_is_not_given_keeps_its_value_or_has_the_default(log: MemoryLog) -> None:
    before, first = set_policy(log, "city", {"cap": 2.0})
    assert before == DEFAULT
    assert first == make_policy(scope="city", revision=1, cap=2.0)
    before, second = set_policy(log, "city", {"sensitivity": 0.8})
    assert before == first
    assert second == make_policy(scope="city", revision=2, cap=2.0, sensitivity=0.8)
    _, of_zone = set_policy(log, "zone:93", {"enabled": False})
    assert of_zone == make_policy(scope="zone:93", revision=3, enabled=False), "a wider scope's values are not copied"
    assert list(listing(log).policies) == [second, of_zone]
    assert parse_policy(log.messages[-1].value or b"", log.messages[-1].key) == of_zone


def test_no_revision_comes_twice_even_after_removal_and_compaction(log: MemoryLog) -> None:
    set_policy(log, "city", {"cap": 2.0})
    set_policy(log, "city", {"cap": 2.1})
    set_policy(log, "zone:1", {"cap": 2.1})
    remove_policy(log, "city")
    log.compact()
    assert [message.key for message in log.messages] == [b"zone:1"]
    _, again = set_policy(log, "city", {"cap": 2.0})
    assert again.revision > 2


@pytest.mark.parametrize(
    ("scope", "parameters", "error"),
    [
        ("borough:Quens", {"cap": 2.0}, "'borough:Quens' is no scope: there are city, borough:Bronx"),
        ("city", {"cap": 7.0}, "cap 7.0 must be a number from 1 to 5 in steps of 0.1"),
        ("city", {"cap": float("nan")}, "cap nan must be a number"),
        ("city", {}, "nothing to set for city"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    log: MemoryLog, scope: str, parameters: dict[str, float], error: str
) -> None:
    with pytest.raises(HailstreamError) as raised:
        set_policy(log, scope, parameters)
    assert error in raised.value.message
    assert raised.value.exit_code == 2
    assert log.messages == []


def test_a_removed_policy_holds_no_longer(log: MemoryLog) -> None:
    set_policy(log, "city", {"cap": 2.0})
    remove_policy(log, "city")
    assert log.messages[-1] == Message(b"city", None, 1)
    assert list(listing(log).policies) == []
    with pytest.raises(HailstreamError, match="no policy is set for 'city'") as raised:
        remove_policy(log, "city")
    assert raised.value.hint == "set are: none at all"


def test_a_message_that_is_no_policy_is_shown_and_what_was_set_before_holds(log: MemoryLog) -> None:
    _, valid = set_policy(log, "city", {"cap": 2.0})
    log.write(b"city", b'{"scope": "city", "cap": 99}')
    log.write(b"zone:1", write_policy(valid))
    log.write(b"\xff", b"?")
    found = listing(log)
    assert list(found.policies) == [valid]
    assert {key: message.offset for key, (message, _) in found.refused.items()} == {
        b"city": 1,
        b"zone:1": 2,
        b"\xff": 3,
    }
    assert "cap 99 must be" in found.refused[b"city"][1].message
    assert "the key 'zone:1' is not its scope city" in found.refused[b"zone:1"][1].message
    remove_policy(log, "zone:1")
    set_policy(log, "city", {"cap": 2.5})
    assert set(listing(log).refused) == {b"\xff"}


@pytest.fixture
def topic(log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> MemoryLog:
    """What the commands take for the topic."""

    def in_memory(settings: Settings, topic: ControlTopic) -> MemoryLog:
        assert topic.name(settings.namespace) == "other.surge.policies.v1"
        return log

    monkeypatch.setattr("hailstream.control_log.ControlLog", in_memory)
    return log


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["surge", "policy", *arguments, "--namespace", "other"], env={"COLUMNS": "200"})


def test_a_policy_is_set_listed_and_removed(topic: MemoryLog) -> None:
    done = run("set", "borough:Queens", "--cap", "2.5", "--half-life-minutes", "4", "--disabled", "--min-samples", "9")
    assert done.exit_code == 0, done.output
    assert "cap                2.5  (was 3.0)" in done.output
    assert done.output.endswith("borough:Queens#1 is set\n")
    [policy] = json.loads(run("list", "--json").output)["policies"]
    given = {"cap": 2.5, "half_life_minutes": 4.0, "enabled": False, "min_samples": 9}
    assert policy == make_policy(scope="borough:Queens", revision=1, **given).model_dump()
    topic.write(b"city", b"[]")
    table = run("list").output
    assert [line.split()[1] for line in table.splitlines() if line.startswith("│")] == ["default", "borough:Queens"]
    assert "enabled False, half_life_minutes 4.0, cap 2.5, min_samples 9 " in table
    assert "refused: key 'city', offset 1: wrong policy: not a JSON object" in table
    assert json.loads(run("list", "--json").output)["refused"][0]["key"] == "city"
    assert run("remove", "borough:Queens").output == "borough:Queens: removed\n"
    assert json.loads(run("list", "--json").output)["policies"] == []


def test_a_wrong_value_on_the_command_line_is_an_error_of_usage(topic: MemoryLog) -> None:
    error = run("set", "city", "--cap", "9").exception
    assert isinstance(error, PolicyError)
    assert error.exit_code == 2
    assert run("set", "city", "--cap", "much").exit_code == 2
    assert topic.messages == []


@pytest.mark.parametrize("command", [set_, preview])
def test_every_parameter_has_an_option(command: object) -> None:
    assert set(PARAMETERS) <= set(command.__annotations__)
