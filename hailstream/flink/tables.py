"""Kafka topics as Flink tables: raw sources and exactly-once Avro sinks."""

from __future__ import annotations

from typing import Any, Final

from hailstream.domain.millis import to_ms
from hailstream.flink.event_time import parse_time, watermark_sql
from hailstream.schemas import load_schema
from hailstream.settings import Settings
from hailstream.topics import QUOTE_BYTES, ControlTopic, NamedTopic, Topic

#: Messages as they are: message_key and the other column.
_AS_IT_IS: Final = {
    "key.format": "raw",
    "key.fields": "message_key",
    "value.format": "raw",
    "value.fields-include": "EXCEPT_KEY",
}


def table_name(topic: NamedTopic) -> str:
    """A topic's table: its name without the version, in SQL letters."""
    return topic.base.rsplit(".v", 1)[0].replace(".", "_")


def source_ddl(topic: Topic, settings: Settings, group: str, *, committed: bool = False) -> str:
    """The table of a topic's raw records; null values are heartbeats.

    The record timestamp is the event time, so the source itself makes
    watermarks, per partition, though the bytes are decoded later.

    Args:
        committed: begin at the offsets that the group has committed, and where it has none at the beginning.
    """
    begin = {"scan.startup.mode": "earliest-offset"}
    if committed:
        begin = {"scan.startup.mode": "group-offsets", "properties.auto.offset.reset": "earliest"}
    elif settings.source_begin is not None:
        first = to_ms(parse_time(settings.source_begin, "wrong setting: HAILSTREAM_SOURCE_BEGIN"))
        begin = {"scan.startup.mode": "timestamp", "scan.startup.timestamp-millis": str(first)}
    options = {
        "connector": "kafka",
        "topic": topic.name(settings.source.namespace),
        **{f"properties.{name}": value for name, value in java_client_config(settings).items()},
        "properties.group.id": settings.consumer_group(group),
        # A broker that answers every fetch with the few records of a millisecond
        # is busy with fetches; waiting this long for more costs less than a bundle.
        "properties.fetch.min.bytes": str(64 * 1024),
        "properties.fetch.max.wait.ms": str(round(settings.buffer_timeout * 2000)),
        **begin,
        "format": "raw",
    }
    return (
        f"CREATE TEMPORARY TABLE `{table_name(topic)}_raw` (\n"
        "  `value` BYTES,\n"
        "  event_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,\n"
        "  kafka_partition INT METADATA FROM 'partition' VIRTUAL,\n"
        "  kafka_offset BIGINT METADATA FROM 'offset' VIRTUAL,\n"
        "  arrival AS PROCTIME(),\n"
        f"  WATERMARK FOR event_time AS {watermark_sql(settings)}\n"
        f") WITH ({options_sql(options)})"
    )


def control_ddl(topic: ControlTopic, settings: Settings, group: str) -> str:
    """The table of what people say on a topic: message_key, message, where and when; no message takes one away."""
    options = {
        "connector": "kafka",
        "topic": topic.name(settings.namespace),
        **{f"properties.{name}": value for name, value in java_client_config(settings).items()},
        "properties.group.id": settings.consumer_group(group),
        "scan.startup.mode": "earliest-offset",
        **_AS_IT_IS,
    }
    return (
        f"CREATE TEMPORARY TABLE `{table_name(topic)}` (\n"
        "  message_key BYTES,\n"
        "  message BYTES,\n"
        "  kafka_partition INT METADATA FROM 'partition' VIRTUAL,\n"
        "  kafka_offset BIGINT METADATA FROM 'offset' VIRTUAL,\n"
        "  record_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL\n"
        f") WITH ({options_sql(options)})"
    )


def sink_ddl(topic: Topic, settings: Settings, job: str, *, encoded: bool = False) -> str:
    """The table of a result topic, written exactly once in Kafka transactions.

    The row key decides the partition, so versions of a row stay in order.

    Args:
        encoded: rows are message_key and message, the bytes to be written; otherwise the fields of the schema.
    """
    fields = load_schema(topic).definition["fields"]
    columns = {field["name"]: flink_type(field["type"]) for field in fields}
    if encoded:
        columns = {"message_key": "BYTES NOT NULL", "message": "BYTES NOT NULL"}
    options = {
        "connector": "kafka",
        "topic": topic.name(settings.namespace),
        **{f"properties.{name}": value for name, value in java_client_config(settings).items()},
        "properties.transaction.timeout.ms": str(round(settings.transaction_timeout * 1000)),
        "properties.compression.type": "lz4",
        "properties.max.request.size": str(QUOTE_BYTES),
        "sink.delivery-guarantee": "exactly-once",
        "sink.transactional-id-prefix": transactional_prefix(topic, settings, job),
        # A few transactional ids used again and again, where the default takes a
        # new one with every checkpoint for the broker to remember for a week.
        "sink.transaction-naming-strategy": "pooling",
        **(_AS_IT_IS if encoded else _as_avro(topic, settings)),
    }
    listed = ",\n".join(f"  `{name}` {sql}" for name, sql in columns.items())
    return f"CREATE TEMPORARY TABLE `{table_name(topic)}` (\n{listed}\n) WITH ({options_sql(options)})"


def transactional_prefix(topic: Topic, settings: Settings, job: str) -> str:
    """Unique per sink of a job: two writers with one prefix would fence each other."""
    return f"hailstream.{settings.namespace}.{job}.{table_name(topic)}"


def flink_type(avro: Any) -> str:
    """The Flink SQL type of an Avro type used in ``schemas/results``.

    Raises:
        ValueError: a type those schemas have not used so far.
    """
    if isinstance(avro, list) and len(avro) == 2 and avro[0] == "null":
        return _known_type(avro[1])
    return f"{_known_type(avro)} NOT NULL"


def _known_type(avro: Any) -> str:
    match avro:
        case "string" | "int" | "long" | "bytes" | "double" | "boolean":
            return {"long": "BIGINT"}.get(avro, str(avro).upper())
        # The session's time zone is UTC, so a plain TIMESTAMP is an instant.
        case {"type": "long", "logicalType": "timestamp-millis"}:
            return "TIMESTAMP(3)"
        case {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}:
            return f"DECIMAL({precision}, {scale})"
    raise ValueError(f"no Flink type for Avro {avro!r}")


def java_client_config(settings: Settings) -> dict[str, str]:
    """Connection settings under the names of Kafka's Java client."""
    config = {"bootstrap.servers": settings.kafka_servers, "security.protocol": settings.kafka_security_protocol}
    if settings.kafka_sasl_mechanism:
        module = "scram.ScramLoginModule" if "SCRAM" in settings.kafka_sasl_mechanism else "plain.PlainLoginModule"
        password = settings.kafka_password.get_secret_value() if settings.kafka_password else ""
        config |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.jaas.config": f"org.apache.kafka.common.security.{module} required"
            f' username="{_jaas(settings.kafka_username or "")}" password="{_jaas(password)}";',
        }
    if settings.kafka_ca_file:
        config |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(settings.kafka_ca_file)}
    if settings.kafka_cert_file and settings.kafka_key_file:
        chain, key = settings.kafka_cert_file.read_text(), settings.kafka_key_file.read_text()
        config |= {"ssl.keystore.type": "PEM", "ssl.keystore.certificate.chain": chain, "ssl.keystore.key": key}
    return config


def _as_avro(topic: Topic, settings: Settings) -> dict[str, str]:
    return {
        "key.format": "json",
        "key.fields": ";".join(topic.key),
        "value.format": "avro-confluent",
        "value.fields-include": "ALL",
        "value.avro-confluent.subject": topic.subject(settings.namespace),
        "value.avro-confluent.schema": load_schema(topic).text,
        **{f"value.avro-confluent.{name}": value for name, value in _registry_options(settings).items()},
    }


def _jaas(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _registry_options(settings: Settings) -> dict[str, str]:
    options = {"url": settings.registry_address}
    if settings.registry_username is not None:
        options |= {
            "basic-auth.credentials-source": "USER_INFO",
            "basic-auth.user-info": settings.registry_config()["basic.auth.user.info"],
        }
    if settings.registry_ca_file is not None:
        options |= {"ssl.truststore.location": str(settings.registry_ca_file)}
    return options


def options_sql(options: dict[str, str]) -> str:
    """What stands between the parentheses of WITH."""
    return ", ".join(f"'{name}' = '{_quoted(value)}'" for name, value in options.items())


def _quoted(text: str) -> str:
    return text.replace("'", "''")
