"""Whether a loader is at work, wherever it runs."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from hailstream.replay.broker import REQUEST_TIMEOUT, patiently
from hailstream.settings import Settings

log = logging.getLogger(__name__)


def loaders_at_work(sink: str, settings: Settings) -> list[str]:
    """The hosts of the processes that load into a sink; one that was killed is among them for six seconds.

    Args:
        sink: ``clickhouse``.

    Raises:
        HailstreamError: Kafka says no.
    """
    group = settings.consumer_group(sink)
    admin = AdminClient(settings.kafka_config() | {"log_level": "0"})

    def ask() -> list[str]:
        try:
            found = admin.describe_consumer_groups([group], request_timeout=REQUEST_TIMEOUT)[group].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            raise
        return [member.host.lstrip("/") for member in found.members]

    hosts: list[str] = patiently(ask, settings, log.warning)
    return hosts
