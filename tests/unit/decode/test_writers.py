"""Unknown schema ids: asked for once a batch, and an outage that does not stall the job."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from hailstream.decode import BatchDecoder, WriterSchemas, reasons, registry_refresher
from hailstream.decode.registry import RegistryUnavailableError
from tests.unit.decode.messages import FIRST_TIME, STARTED, encode, event


@dataclass
class World:
    """A registry and a clock; sleeping moves the clock, and may bring the registry back."""

    schemas: dict[int, str] = field(default_factory=dict)
    away: bool = False
    back_at: float | None = None
    error: type[Exception] = RegistryUnavailableError
    now: float = 1000.0
    asked: int = 0

    def refresh(self) -> Mapping[int, str]:
        self.asked += 1
        if self.away and (self.back_at is None or self.now < self.back_at):
            raise self.error("away")
        return dict(self.schemas)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def writers(self, known: dict[int, Any], **options: float) -> WriterSchemas:
        return WriterSchemas(known, self.refresh, clock=lambda: self.now, sleep=self.sleep, **options)


def test_a_known_id_never_needs_the_registry() -> None:
    world = World(away=True)
    writers = world.writers({1: STARTED})
    assert writers.resolve([1, 1, 1]) == {}
    assert world.asked == 0


def test_unknown_ids_of_a_batch_cost_one_question_together_and_the_next_batch_asks_again() -> None:
    world = World({2: json.dumps(STARTED)})
    writers = world.writers({1: STARTED})
    garbage = random.Random(1).sample(range(10, 500_000), 100)
    assert writers.resolve([1, 2, *garbage]) == dict.fromkeys(garbage, reasons.UNKNOWN_SCHEMA)
    assert world.asked == 1
    # One of the ids is registered now, and seen at once.
    world.schemas[garbage[0]] = json.dumps(STARTED)
    assert writers.resolve([1, 2, *garbage]) == dict.fromkeys(garbage[1:], reasons.UNKNOWN_SCHEMA)
    assert world.asked == 2
    assert writers.schema(garbage[0]) == STARTED


def test_ids_far_beyond_all_known_ones_are_asked_for_every_ten_seconds() -> None:
    world = World()
    writers = world.writers({1: STARTED}, far_ask_after=10)
    rng = random.Random(1)
    for _ in range(100):
        far = rng.randrange(2**21, 2**32)
        assert writers.resolve([1, far]) == {far: reasons.UNKNOWN_SCHEMA}
        world.now += 0.3
    assert world.asked == 3
    # One that is near asks at once, and takes the far ones with it.
    world.schemas |= {2: "{}", 2**31: "{}"}
    assert writers.resolve([2, 2**31]) == {}
    assert world.asked == 4


def test_a_registry_that_comes_back_is_waited_for_and_nothing_is_rejected() -> None:
    world = World({2: "{}"}, away=True, back_at=1020.0)
    writers = world.writers({1: STARTED}, give_up_after=60)
    assert writers.resolve([2]) == {}
    assert 1020 <= world.now < 1030
    assert world.asked < 20


def test_an_outage_stalls_one_batch_and_then_costs_a_question_every_half_minute() -> None:
    world = World({2: "{}"}, away=True)
    writers = world.writers({1: STARTED}, give_up_after=60, ask_again_after=30)
    assert writers.resolve([2]) == {2: reasons.SCHEMA_UNAVAILABLE}
    stalled, asked = world.now - 1000, world.asked
    assert 60 <= stalled < 70
    for _ in range(100):
        assert writers.resolve([2, 3]) == dict.fromkeys([2, 3], reasons.SCHEMA_UNAVAILABLE)
    assert (world.now - 1000, world.asked) == (stalled, asked)
    world.now += 31
    assert writers.resolve([2]) == {2: reasons.SCHEMA_UNAVAILABLE}
    assert writers.resolve([2]) == {2: reasons.SCHEMA_UNAVAILABLE}
    assert world.asked == asked + 1
    world.now += 31
    world.away = False
    assert writers.resolve([2, 3]) == {3: reasons.UNKNOWN_SCHEMA}
    # A later outage is waited for again.
    world.away, world.back_at = True, world.now + 10
    world.schemas[4] = "{}"
    assert writers.resolve([4]) == {}


def test_a_registry_that_refuses_is_not_asked_again_and_again() -> None:
    world = World(away=True, error=PermissionError)
    assert world.writers({}).resolve([2]) == {2: reasons.SCHEMA_UNAVAILABLE}
    assert (world.asked, world.now) == (1, 1000.0)


class Registry(ThreadingHTTPServer):
    """Answers what a registry answers about the versions of a subject."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.versions: dict[int, dict[str, Any]] = {}
        self.status = 200
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def register(self, version: int, schema_id: int) -> None:
        self.versions[version] = {
            "subject": "t-value",
            "version": version,
            "id": schema_id,
            "schema": json.dumps(STARTED),
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.requests.append(path)
        status, body = self.server.status, {"error_code": 40401, "message": "not now"}
        if status == 200 and not path.startswith("/subjects/t-value/versions"):
            status = 404
        elif status == 200 and path.endswith("/versions"):
            body = sorted(self.server.versions)
        elif status == 200:
            body = self.server.versions[int(path.rpartition("/")[2])]
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_each_version_is_fetched_once_and_the_reader_goes_through_pickle(registry: Registry) -> None:
    registry.register(1, 11)
    refresh = registry_refresher({"url": registry.url}, "t-value")
    assert {i: json.loads(s) for i, s in refresh().items()} == {11: STARTED}
    registry.register(2, 12)
    refresh = pickle.loads(pickle.dumps(refresh))
    assert set(refresh()) == set(refresh()) == {11, 12}
    assert registry.requests.count("/subjects/t-value/versions") == 3
    assert registry.requests.count("/subjects/t-value/versions/1") == 1
    assert registry.requests.count("/subjects/t-value/versions/2") == 1


def test_a_subject_that_is_not_there_has_no_schemas(registry: Registry) -> None:
    assert registry_refresher({"url": registry.url}, "other-value")() == {}


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_registry_in_trouble_is_worth_another_try(registry: Registry, status: int) -> None:
    registry.status = status
    with pytest.raises(RegistryUnavailableError, match=str(status)):
        registry_refresher({"url": registry.url}, "t-value")()


def test_a_registry_that_is_not_there_is_worth_another_try(registry: Registry) -> None:
    config = {"url": registry.url}
    registry.server_close()
    with pytest.raises(RegistryUnavailableError):
        registry_refresher(config, "t-value")()


def test_a_refused_password_is_not_tried_again_and_not_shown(registry: Registry) -> None:
    registry.status = 401
    refresh = registry_refresher({"url": registry.url, "basic.auth.user.info": "me:hidden-word"}, "t-value")
    writers = WriterSchemas({}, refresh)
    assert writers.resolve([5]) == {5: reasons.SCHEMA_UNAVAILABLE}
    assert len(registry.requests) == 1
    assert "hidden-word" not in repr(refresh)


def test_a_decoder_reads_messages_of_a_schema_registered_after_it_started(registry: Registry) -> None:
    registry.register(1, 11)
    refresh = registry_refresher({"url": registry.url}, "t-value")
    decoder = pickle.loads(pickle.dumps(BatchDecoder(STARTED, WriterSchemas({11: STARTED}, refresh), ["trip_id"])))
    rng = random.Random(1)
    made = [event(rng, event_time=FIRST_TIME) for _ in range(3)]
    times = np.full(3, FIRST_TIME)
    assert decoder.decode([encode(one, schema_id=11) for one in made], times).present.all()
    assert registry.requests == []
    registry.register(2, 12)
    decoded = decoder.decode([encode(one, schema_id=i) for one, i in zip(made, (11, 12, 13), strict=True)], times)
    assert decoded.error.tolist() == [None, None, reasons.UNKNOWN_SCHEMA]
    assert registry.requests.count("/subjects/t-value/versions") == 1
