"""What the keeper of jobs recovers and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from hailstream.errors import HailstreamError
from hailstream.jobs.catalog import PARTS, JobSpec
from hailstream.jobs.flink_rest import FlinkRest
from hailstream.jobs.recovery import Keeper
from hailstream.settings import Settings

SETTINGS = Settings(_env_file=None, namespace="demo")
REVENUE = PARTS["revenue"]


class Cluster:
    """Lists what ``states`` says of job revenue; None is a cluster that is away."""

    def __init__(self) -> None:
        self.states: list[str] | None = ["RUNNING"]
        self.recovered: list[str] = []
        self.refusal: str | None = None
        self.said: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.states is None:
            raise httpx.ConnectError("refused", request=request)
        jobs = [
            {"jid": f"j{n}", "name": "hailstream.demo.revenue", "state": state, "start-time": -n}
            for n, state in enumerate(self.states)
        ]
        return httpx.Response(200, json={"jobs": jobs})

    def recover(self, spec: JobSpec, _: Settings) -> tuple[str, str]:
        if self.refusal is not None:
            raise HailstreamError(self.refusal)
        self.recovered.append(spec.name)
        return "j9", "file:///chk-9"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def look(cluster: Cluster) -> Callable[[], None]:
    rest = FlinkRest(SETTINGS, transport=httpx.MockTransport(cluster.answer))
    return Keeper([REVENUE], SETTINGS, cluster.said.append, rest=rest, recover=cluster.recover).look


def test_a_job_that_runs_or_restarts_is_left_alone(cluster: Cluster, look: Callable[[], None]) -> None:
    look()
    cluster.states = ["RESTARTING", "CANCELED"]
    look()
    assert (cluster.recovered, cluster.said) == ([], [])


def test_a_job_that_the_cluster_forgot_is_recovered(cluster: Cluster, look: Callable[[], None]) -> None:
    look()
    cluster.states = None
    look()
    assert cluster.recovered == []
    cluster.states = []
    look()
    assert cluster.recovered == ["revenue"]
    assert cluster.said[-1] == "revenue goes on as j9 from file:///chk-9"


def test_a_job_that_was_ended_stays_so_when_the_cluster_forgets_it(cluster: Cluster, look: Callable[[], None]) -> None:
    for states in (["FINISHED"], None, []):
        cluster.states = states  # type: ignore[assignment]
        look()
    assert cluster.recovered == []
    assert cluster.said[0] == "revenue is FINISHED and left so"
    # Until somebody runs it again.
    cluster.states = ["RUNNING", "FINISHED"]
    look()
    cluster.states = []
    look()
    assert cluster.recovered == ["revenue"]


def test_what_fails_is_said_once_and_tried_again(cluster: Cluster, look: Callable[[], None]) -> None:
    cluster.states, cluster.refusal = [], "the registry is away"
    for _ in range(3):
        look()
    assert cluster.said == ["revenue is not recovered yet: the registry is away"]
    cluster.refusal = None
    look()
    assert cluster.recovered == ["revenue"]
