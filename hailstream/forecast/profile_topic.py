"""The Kafka topic of the profiles."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from hailstream.domain.forecast.profile import Profile, profile_key
from hailstream.domain.zones import ZONES
from hailstream.errors import HailstreamError
from hailstream.local.topics_admin import create_topics
from hailstream.settings import Settings
from hailstream.topics import FORECAST_PROFILES

TIMEOUT_SECONDS: Final = 30.0


def publish(settings: Settings, profile: Profile) -> None:
    """Send the profile of each zone and take away those of all other zones; makes the topic.

    Raises:
        HailstreamError: Kafka did not confirm all of it.
    """
    create_topics(settings, [FORECAST_PROFILES])
    name = FORECAST_PROFILES.name(settings.namespace)
    producer = Producer(
        settings.kafka_config()
        | {
            "enable.idempotence": True,
            "compression.type": "lz4",
            "delivery.timeout.ms": int(TIMEOUT_SECONDS * 1000),
            "log_level": 0,
        }
    )
    refused: list[str] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            refused.append(error.str())

    try:
        for key, value in messages(profile):
            producer.produce(name, key=key, value=value, on_delivery=delivered)
    except KafkaException as error:
        refused.append(error.args[0].str())
    waiting = producer.flush(TIMEOUT_SECONDS + 1)
    if refused or waiting:
        reason = refused[0] if refused else f"{waiting} messages not confirmed within {TIMEOUT_SECONDS:.0f} s"
        raise HailstreamError(
            f"topic {name} of Kafka at {settings.kafka_servers}: {reason}",
            hint="`hailstream up` starts the embedded Kafka; profiles are sent again by the same command",
        )


def messages(profile: Profile) -> list[tuple[bytes, bytes | None]]:
    """Key and value for every zone there is; no value takes away what the zone had before."""
    learned = {zone.zone_id: zone.to_bytes() for zone in profile}
    return [(profile_key(zone.zone_id), learned.get(zone.zone_id)) for zone in ZONES]
