"""New York wall clock and UTC.

Sources give New York local time without a zone; inside, all times are UTC.
Two hours a year need a rule, and this is it:

- 01:00-02:00 on the night the clocks go back happens twice: the first
  occurrence is meant (daylight-saving time, UTC-4).
- 02:00-03:00 on the night they go forward does not exist: it is moved forward
  by one hour, so 02:30 is 03:30 (UTC-4), which is 07:30 UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hailstream.errors import HailstreamError

NEW_YORK = "America/New_York"
NEW_YORK_ZONE = ZoneInfo(NEW_YORK)


def to_utc(wall_clock: datetime) -> datetime:
    """The moment a New York clock showed ``wall_clock`` (which has no zone), in UTC.

    Raises:
        ValueError: ``wall_clock`` carries a zone, so that it is a moment already.
    """
    if wall_clock.tzinfo is not None:
        raise ValueError(f"{wall_clock.isoformat()} carries a zone")
    # fold=0 is both rules: the first of two occurrences, and in the gap the offset from before it.
    return wall_clock.replace(tzinfo=NEW_YORK_ZONE, fold=0).astimezone(UTC)


def to_wall_clock(moment: datetime) -> datetime:
    """What a New York clock shows at ``moment``, without a zone.

    Raises:
        ValueError: ``moment`` has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no zone")
    return moment.astimezone(NEW_YORK_ZONE).replace(tzinfo=None, fold=0)


def parse_time(text: str) -> datetime:
    """A time as a person writes it, in UTC: ISO 8601, New York wall clock unless it names a zone.

    Raises:
        HailstreamError: ``text`` is no ISO 8601 date or time.
    """
    try:
        value = datetime.fromisoformat(text.strip())
        return to_utc(value) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise HailstreamError(
            f"{text!r} is no time",
            hint="write 2013-01-01 or 2013-01-01T08:30 (New York), or 2013-01-01T13:30Z (UTC)",
            exit_code=2,
        ) from None
