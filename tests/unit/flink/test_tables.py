"""Tables of topics."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from hailstream.flink.tables import flink_type, java_client_config, sink_ddl, source_ddl, transactional_prefix
from hailstream.settings import Settings
from hailstream.topics import RESULT_TOPICS, TRIPS_STARTED, ZONE_COUNTS, Topic

SETTINGS = Settings(namespace="demo", horizon="2024-02-01")


def test_each_sink_of_each_job_has_transactions_of_its_own() -> None:
    prefixes = {
        transactional_prefix(topic, SETTINGS.model_copy(update={"namespace": namespace}), job)
        for topic in RESULT_TOPICS
        for job in ("city", "zone_counts")
        for namespace in ("live", "demo")
    }
    assert len(prefixes) == len(RESULT_TOPICS) * 4
    # Transactions that were left behind are looked for by what their names begin with.
    assert not any(one != other and one.startswith(other) for one in prefixes for other in prefixes)


@pytest.mark.parametrize("topic", RESULT_TOPICS, ids=lambda topic: topic.base)
def test_a_sink_has_the_fields_of_its_schema_and_writes_exactly_once(topic: Topic) -> None:
    ddl = sink_ddl(topic, SETTINGS, "city")
    assert "'sink.delivery-guarantee' = 'exactly-once'" in ddl
    assert f"'topic' = 'demo.{topic.base}'" in ddl
    for field in topic.key:
        assert f"`{field}`" in ddl


def test_a_source_is_raw_and_has_the_record_time_as_event_time() -> None:
    ddl = source_ddl(TRIPS_STARTED, SETTINGS, "city")
    assert "METADATA FROM 'timestamp'" in ddl
    assert "'format' = 'raw'" in ddl
    assert "'properties.group.id' = 'hailstream.demo.city'" in ddl


def test_a_type_that_no_schema_uses_is_refused() -> None:
    with pytest.raises(ValueError, match="map"):
        flink_type({"type": "map", "values": "string"})


def test_credentials_are_quoted_for_jaas_and_for_sql() -> None:
    settings = Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_username="fleet",
        kafka_password=SecretStr('it\'s "so" \\ secret'),
        kafka_ca_file=Path("/etc/ca.pem"),
    )
    config = java_client_config(settings)
    assert "ScramLoginModule" in config["sasl.jaas.config"]
    assert 'password="it\'s \\"so\\" \\\\ secret";' in config["sasl.jaas.config"]
    assert config["ssl.truststore.type"] == "PEM"
    assert "it''s" in sink_ddl(ZONE_COUNTS, settings, "city")
