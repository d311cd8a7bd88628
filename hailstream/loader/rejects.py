"""Messages that a sink refused, delivered to load.rejected.v1 with their reason."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import fastavro
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from hailstream.errors import HailstreamError
from hailstream.loader.contract import Refused
from hailstream.loader.topic_ids import KafkaAway
from hailstream.loader.writers import RegistryAway
from hailstream.schemas import frame, load_schema
from hailstream.settings import Settings
from hailstream.topics import LOAD_REJECTED, QUOTE_BYTES

log = logging.getLogger(__name__)

DELIVERY_SECONDS = 30.0
# Of a message that is too long for the topic this much is kept.
KEPT_BYTES = 500_000
# Of one batch.
LOGGED = 10


@dataclass(frozen=True)
class Reject:
    """A refused message of a topic, with its original bytes."""

    topic: str
    refused: Refused
    value: bytes


class Rejects:
    """Delivers what ``sink`` refused."""

    def __init__(self, settings: Settings, sink: str) -> None:
        self._settings = settings
        self._sink = sink
        self._topic = LOAD_REJECTED.name(settings.namespace)
        self._schema = load_schema(LOAD_REJECTED)
        self._schema_id: int | None = None
        self._producer = Producer(
            settings.kafka_config()
            | {
                "enable.idempotence": True,
                "compression.type": "lz4",
                "message.max.bytes": QUOTE_BYTES,
                "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000),
                "log_level": 0,
            }
        )

    def send(self, rejects: Iterable[Reject]) -> None:
        """Delivers the rejects; returns when the broker has confirmed each.

        A message of load.rejected.v1 itself is only logged: sent there again
        it would be refused again, for ever.

        Raises:
            KafkaAway, RegistryAway: not all are confirmed; send them again.
        """
        pending: dict[int, KafkaError] = {}
        for number, reject in enumerate(rejects):
            refused = reject.refused
            where = (self._sink, reject.topic, refused.partition, refused.offset, refused.reason)
            # One line for each of many would bury the rest of the log; the table has them all.
            log.log(
                logging.WARNING if number < LOGGED else logging.DEBUG,
                "%s refused %s partition %d offset %d: %s",
                *where,
            )
            if reject.topic != self._topic:
                self._produce(number, reject, reject.value, pending)
        if self._producer.flush(DELIVERY_SECONDS) or pending:
            reason = next(iter(pending.values())).str() if pending else "no confirmation"
            raise KafkaAway(f"Kafka at {self._settings.kafka_servers} does not take rejected rows: {reason}")

    def _produce(self, number: int, reject: Reject, value: bytes, pending: dict[int, KafkaError]) -> None:
        key = {
            "sink": self._sink,
            "topic": reject.topic,
            "partition": reject.refused.partition,
            "offset": reject.refused.offset,
        }
        body = io.BytesIO()
        fastavro.schemaless_writer(body, self._schema.parsed, {**key, "reason": reject.refused.reason, "value": value})

        def delivered(error: KafkaError | None, _message: object) -> None:
            if error is None:
                pending.pop(number, None)
            elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE and len(value) > KEPT_BYTES:
                self._produce(number, _shortened(reject), value[:KEPT_BYTES], pending)
            else:
                pending[number] = error

        try:
            self._producer.produce(
                self._topic,
                key=json.dumps(key, separators=(",", ":")),
                value=frame(self._register(), body.getvalue()),
                on_delivery=delivered,
            )
        except BufferError:
            self._producer.flush(DELIVERY_SECONDS)
            self._produce(number, reject, value, pending)
        except KafkaException as error:
            delivered(error.args[0], None)

    def _register(self) -> int:
        if self._schema_id is None:
            client = SchemaRegistryClient(self._settings.registry_config() | {"timeout": 5, "max.retries": 0})
            subject = LOAD_REJECTED.subject(self._settings.namespace)
            try:
                self._schema_id = int(client.register_schema(subject, Schema(self._schema.text, "AVRO")))
            except SchemaRegistryError as error:
                if error.http_status_code in (401, 403, 409, 422):
                    raise HailstreamError(
                        f"the schema registry refuses {subject}: {error.error_message}",
                        hint="`hailstream schemas diff` shows what differs",
                    ) from None
                raise RegistryAway(f"schema registry: {error}") from error
            except Exception as error:  # transport errors of whichever HTTP library the client uses
                raise RegistryAway(f"schema registry: {type(error).__name__}: {error}") from error
        return self._schema_id


def _shortened(reject: Reject) -> Reject:
    reason = f"{reject.refused.reason} (first {KEPT_BYTES} of {len(reject.value)} bytes kept)"
    return Reject(reject.topic, Refused(reject.refused.partition, reject.refused.offset, reason), reject.value)


def rejects_of(topic: str, refused: Iterable[Refused], values: Mapping[tuple[int, int], bytes | None]) -> list[Reject]:
    """The refused messages with their bytes.

    Args:
        values: (partition, offset) to original bytes.
    """
    return [Reject(topic, r, values[r.partition, r.offset] or b"") for r in refused]
