"""Topics on a real broker."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from hailstream.errors import HailstreamError
from hailstream.local.apart import free_ports
from hailstream.local.topics_admin import create_topics, delete_topics
from hailstream.settings import Settings
from hailstream.topics import ALL_TOPICS, CONTROL_TOPICS, LOAD_REJECTED, TRIPS_STARTED
from tests.stack import Servers


@pytest.fixture
def empty(servers: Servers, bare_namespace: Settings) -> Settings:
    servers("kafka")
    return bare_namespace.model_copy(update={"partitions": 3, "retention_bytes": 1_000_000})


def test_topics_are_created_once_with_partitions_and_no_expiry_by_time(empty: Settings) -> None:
    created = create_topics(empty)
    assert set(created) == {topic.name(empty.namespace) for topic in (*ALL_TOPICS, *CONTROL_TOPICS)}
    assert create_topics(empty) == ()
    name = TRIPS_STARTED.name(empty.namespace)
    client = AdminClient(empty.kafka_config())
    assert len(client.list_topics(name, timeout=10).topics[name].partitions) == 3
    resource = ConfigResource(ResourceType.TOPIC, name)
    config = client.describe_configs([resource])[resource].result()
    assert config["retention.ms"].value == "-1"
    assert config["retention.bytes"].value == "1000000"
    assert config["message.timestamp.type"].value == "CreateTime"
    assert config["message.timestamp.after.max.ms"].value == str(60 * 60 * 1000), "the future stays refused"


def test_only_what_is_missing_is_created_and_deleted_topics_can_be_created_anew(empty: Settings) -> None:
    create_topics(empty, [TRIPS_STARTED])
    assert create_topics(empty, [TRIPS_STARTED, LOAD_REJECTED]) == (LOAD_REJECTED.name(empty.namespace),)
    assert set(delete_topics(empty)) == {topic.name(empty.namespace) for topic in (TRIPS_STARTED, LOAD_REJECTED)}
    assert delete_topics(empty) == ()
    assert create_topics(empty, [TRIPS_STARTED]) == (TRIPS_STARTED.name(empty.namespace),)


def test_what_the_broker_refuses_is_named_with_its_reason(empty: Settings) -> None:
    with pytest.raises(HailstreamError, match="replication factor") as caught:
        create_topics(empty.model_copy(update={"replication_factor": 3}), [TRIPS_STARTED])
    assert TRIPS_STARTED.name(empty.namespace) in caught.value.message
    assert "HAILSTREAM_REPLICATION_FACTOR" in caught.value.hint


def test_a_broker_that_is_away_is_said_so(bare_namespace: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hailstream.local.topics_admin.TIMEOUT_SECONDS", 3.0)
    (port,) = free_ports(1)
    with pytest.raises(HailstreamError, match=f"Kafka at 127.0.0.1:{port} does not answer"):
        create_topics(bare_namespace.model_copy(update={"kafka_port": port}))
