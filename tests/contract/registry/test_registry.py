"""Schema evolution as a real registry judges it, beside the offline check."""

from __future__ import annotations

import json
import urllib.request

import pytest

from hailstream.errors import HailstreamError
from hailstream.schemas import AvroSchema, load_schema
from hailstream.schemas_registry import Registry, register_schemas
from hailstream.settings import Settings
from hailstream.topics import ALL_TOPICS, TRIPS_ENDED, TRIPS_STARTED
from tests.unit.schemas.changes import with_field, with_type

STARTED = load_schema(TRIPS_STARTED)


@pytest.fixture
def settings(servers, bare_namespace) -> Settings:  # type: ignore[no-untyped-def]
    servers("registry")
    assert isinstance(bare_namespace, Settings)
    return bare_namespace


def test_every_topic_is_registered_once_however_often_it_is_asked_for(settings: Settings) -> None:
    ids = register_schemas(settings)
    assert register_schemas(settings) == ids
    assert len(set(ids.values())) == len(ALL_TOPICS)
    registry = Registry(settings)
    for topic in ALL_TOPICS:
        assert registry.versions(topic).keys() == {ids[topic]}
        assert registry.diff(topic).state == "equal"


def test_registering_sets_backward_compatibility_on_the_subject(settings: Settings) -> None:
    Registry(settings).register(TRIPS_STARTED)
    url = f"{settings.registry_address}/config/{TRIPS_STARTED.subject(settings.namespace)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert json.load(answer)["compatibilityLevel"] == "BACKWARD"


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (with_field(STARTED, name="app", type="string"), "app"),
        (with_type(STARTED, "trip_id", "int"), "trip_id"),
        (with_type(STARTED, "vendor_id", "string", default=""), "vendor_id"),
    ],
    ids=["field without default", "other type", "optional becomes required"],
)
def test_an_incompatible_schema_is_refused_and_the_field_named(settings: Settings, new: AvroSchema, field: str) -> None:
    registry = Registry(settings)
    first = registry.register(TRIPS_STARTED)
    with pytest.raises(HailstreamError, match=rf"\(409\).*field {field}:"):
        registry.register(TRIPS_STARTED, new)
    assert registry.versions(TRIPS_STARTED).keys() == {first}


@pytest.mark.parametrize(
    "new",
    [
        with_field(STARTED, name="app", type=["null", "string"], default=None),
        with_type(STARTED, "passenger_count", ["null", "long"]),
    ],
    ids=["field with default", "int to long"],
)
def test_a_compatible_schema_becomes_the_next_version(settings: Settings, new: AvroSchema) -> None:
    registry = Registry(settings)
    first = registry.register(TRIPS_STARTED)
    second = registry.register(TRIPS_STARTED, new)
    assert set(registry.versions(TRIPS_STARTED)) == {first, second}
    diff = registry.diff(TRIPS_STARTED)
    assert (diff.state, diff.version) == ("changed", 2)
    assert diff.details != ()


def test_subjects_nobody_registered_are_absent(settings: Settings) -> None:
    registry = Registry(settings)
    assert registry.diff(TRIPS_ENDED).state == "absent"
    assert registry.versions(TRIPS_ENDED) == {}
    assert registry.latest(TRIPS_ENDED) is None
