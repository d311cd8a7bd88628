"""Every Kafka topic, once: its name, its schema, its partitions and retention.

A namespace other than ``live`` prefixes the name, so that a replay of history
never meets live data: ``demo.trips.started.v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

LIVE = "live"


@dataclass(frozen=True)
class NamedTopic:
    """A topic in a namespace.

    Attributes:
        base: name without namespace, ``trips.started.v1``.
    """

    base: str

    def name(self, namespace: str) -> str:
        """The topic's name in ``namespace``."""
        return self.base if namespace == LIVE else f"{namespace}.{self.base}"


@dataclass(frozen=True)
class ControlTopic(NamedTopic):
    """What people tell running jobs: JSON, one partition, compacted, so that the newest of each key stays."""


@dataclass(frozen=True)
class Topic(NamedTopic):
    """A topic and the Avro schema of its values.

    Attributes:
        base: name without namespace, ``trips.started.v1``.
        schema: file below ``schemas/`` without its ending, ``events/trip_started``.
        key: the fields of the value that make a row of it unique.
    """

    schema: str
    key: tuple[str, ...]

    @property
    def is_event(self) -> bool:
        return self.schema.startswith("events/")

    def subject(self, namespace: str) -> str:
        """The registry subject of the values (TopicNameStrategy)."""
        return f"{self.name(namespace)}-value"


_OFFSET_KEY = ("topic", "partition", "offset")
_WINDOW_KEY = ("zone_id", "window_start", "window_end")

TRIPS_STARTED = Topic("trips.started.v1", "events/trip_started", ("trip_id",))
TRIPS_ENDED = Topic("trips.ended.v1", "events/trip_ended", ("trip_id",))
ZONE_COUNTS = Topic("zone.counts.v1", "results/zone_counts", _WINDOW_KEY)
ZONE_REVENUE = Topic("zone.revenue.v1", "results/zone_revenue", _WINDOW_KEY)
ALERTS = Topic("alerts.v1", "results/alerts", ("alert_id",))
TRIPS = Topic("trips.v1", "results/trips", ("trip_id",))
ZONE_SURGE = Topic("zone.surge.v1", "results/zone_surge", ("zone_id", "window_end"))
ZONE_FORECAST = Topic("zone.forecast.v1", "results/zone_forecast", _WINDOW_KEY)
OPPORTUNITIES = Topic("opportunities.v1", "results/opportunities", ("kind", "places", "time", "trip_id"))
DRIVER_RISK = Topic("driver.risk.v1", "results/driver_risk", ("driver_id",))
EVENTS_REJECTED = Topic("events.rejected.v1", "results/rejected", _OFFSET_KEY)
EVENTS_LATE = Topic("events.late.v1", "results/late", (*_OFFSET_KEY, "metric"))
LOAD_REJECTED = Topic("load.rejected.v1", "results/load_rejected", ("sink", *_OFFSET_KEY))

#: Key: the scope of the policy, ``borough:Queens``.
SURGE_POLICIES = ControlTopic("surge.policies.v1")
#: Key: the zone.
FORECAST_PROFILES = ControlTopic("forecast.profiles.v1")

CONTROL_TOPICS = (SURGE_POLICIES, FORECAST_PROFILES)
EVENT_TOPICS = (TRIPS_STARTED, TRIPS_ENDED)
RESULT_TOPICS = (
    ZONE_COUNTS,
    ZONE_REVENUE,
    ZONE_SURGE,
    ZONE_FORECAST,
    ALERTS,
    DRIVER_RISK,
    TRIPS,
    OPPORTUNITIES,
    EVENTS_REJECTED,
    EVENTS_LATE,
    LOAD_REJECTED,
)
ALL_TOPICS = EVENT_TOPICS + RESULT_TOPICS

# Kafka deletes by record timestamp, which here is the event time: a topic with
# time-based retention would lose a replay of 2013 within minutes. Segments
# roll by size alone for the same reason.
_MAX_LONG = str(2**63 - 1)


#: Topics that quote a message whole, and how large their own messages may be: a broker takes
#: events of 1 MiB unless told otherwise.
QUOTING_TOPICS = (EVENTS_REJECTED, EVENTS_LATE, LOAD_REJECTED)
QUOTE_BYTES = 16 * 2**20


def topic_config(topic: NamedTopic, retention_bytes: int) -> dict[str, str]:
    """Broker settings for one of our topics.

    Args:
        topic: the topic.
        retention_bytes: size limit per partition, in bytes; -1 is none.
    """
    quotes = {"max.message.bytes": str(QUOTE_BYTES)} if topic in QUOTING_TOPICS else {}
    return quotes | {
        "cleanup.policy": "compact" if isinstance(topic, ControlTopic) else "delete",
        "retention.ms": "-1",
        "retention.bytes": str(retention_bytes),
        "segment.ms": _MAX_LONG,
        "message.timestamp.type": "CreateTime",
        # The past is unlimited; the producer refuses the future before the broker does.
        "message.timestamp.before.max.ms": _MAX_LONG,
    }
