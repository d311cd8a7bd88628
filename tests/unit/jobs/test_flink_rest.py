"""The REST client against a scripted cluster: what it asks, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from hailstream.errors import HailstreamError
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.settings import Settings

RUNNING = httpx.Response(200, json={"state": "RUNNING", "vertices": [{"status": "RUNNING"}]})


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def client(answer: Callable[[httpx.Request], httpx.Response]) -> FlinkRest:
    clock = Clock()
    return FlinkRest(Settings(), clock=clock, sleep=clock.sleep, transport=httpx.MockTransport(answer))


def test_a_savepoint_is_waited_for() -> None:
    states = iter(["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={"request-id": "r1"})
        if request.url.path == "/jobs/j1":
            return RUNNING
        return httpx.Response(200, json={"status": {"id": next(states)}, "operation": {"location": "file:///s1"}})

    assert client(answer).savepoint("j1", "file:///dir") == "file:///s1"


def test_a_failed_savepoint_says_why() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={"request-id": "r1"})
        if request.url.path == "/jobs/j1":
            return RUNNING
        failure = {"failure-cause": {"stack-trace": "java.io.IOException: disk full\n\tat x"}}
        return httpx.Response(200, json={"status": {"id": "COMPLETED"}, "operation": failure})

    with pytest.raises(HailstreamError, match="disk full"):
        client(answer).stop("j1", "file:///dir", drain=True)


def test_a_savepoint_that_never_ends_is_given_up() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jobs/j1":
            return RUNNING
        body = {"request-id": "r1"} if request.method == "POST" else {"status": {"id": "IN_PROGRESS"}}
        return httpx.Response(200, json=body)

    with pytest.raises(HailstreamError, match="waited 300 s"):
        client(answer).savepoint("j1", "file:///dir")


def test_a_cluster_that_is_away_is_named_with_what_to_do() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(HailstreamError, match=r"Flink does not answer at http://127\.0\.0\.1:28081") as error:
        client(answer).jobs()
    assert "hailstream up" in error.value.hint


@pytest.mark.parametrize("body", [b"", b"{", b"<html>"])
def test_an_answer_of_a_cluster_that_goes_down_is_no_state(body: bytes) -> None:
    with pytest.raises(HailstreamError, match="answered GET /jobs/7 with nothing that can be read") as error:
        client(lambda _: httpx.Response(200, content=body)).state("7")
    assert "hailstream status" in error.value.hint


def test_only_a_job_that_holds_its_sinks_is_active() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        jobs = [
            {"jid": "a", "name": "n", "state": "CANCELED", "start-time": 3},
            {"jid": "b", "name": "n", "state": "RESTARTING", "start-time": 2},
        ]
        return httpx.Response(200, json={"jobs": jobs})

    rest = client(answer)
    assert [job.job_id for job in rest.jobs()] == ["a", "b"]
    found = rest.active_job("n")
    assert found is not None
    assert found.job_id == "b"


@pytest.mark.parametrize(
    ("stacktrace", "told"),
    [
        (
            "java.lang.Exception: Could not perform checkpoint\n\tat a\nCaused by: java.io.IOException: flush\n\tat b\n"
            "Caused by: java.io.IOException: No space left on device\n\tat c\n\t... 3 more\n",
            "java.io.IOException: No space left on device",
        ),
        ("java.lang.OutOfMemoryError: Java heap space\n\tat a\n", "java.lang.OutOfMemoryError: Java heap space"),
    ],
)
def test_the_last_failure_is_told_by_what_caused_it(stacktrace: str, told: str) -> None:
    history = {"exceptionHistory": {"entries": [{"stacktrace": stacktrace}, {"stacktrace": "older"}]}}
    assert client(lambda _: httpx.Response(200, json=history)).last_failure("j1") == told


def test_a_job_that_never_failed_has_no_last_failure() -> None:
    assert client(lambda _: httpx.Response(200, json={"exceptionHistory": {"entries": []}})).last_failure("j1") == ""
