"""The messages of the profiles, and the topic they go to."""

from __future__ import annotations

from hailstream.control_log import ControlLog
from hailstream.domain.forecast.profile import Profile, profile_key
from hailstream.domain.zones import ZONES
from hailstream.settings import Settings
from hailstream.topics import FORECAST_PROFILES


def publish(settings: Settings, profile: Profile) -> None:
    """Send the profile of each zone and take away those of all other zones; makes the topic.

    Raises:
        HailstreamError: Kafka did not confirm all of it.
    """
    ControlLog(settings, FORECAST_PROFILES).write_all(messages(profile))


def messages(profile: Profile) -> list[tuple[bytes, bytes | None]]:
    """Key and value for every zone there is; no value takes away what the zone had before."""
    learned = {zone.zone_id: zone.to_bytes() for zone in profile}
    return [(profile_key(zone.zone_id), learned.get(zone.zone_id)) for zone in ZONES]
