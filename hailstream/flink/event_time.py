"""Event time in SQL: the horizon, the watermark, and the rule of lateness.

Lateness is a function of the log: a row is late when an earlier record of its
own partition was so new that the row's minute had closed, heartbeats and
unreadable records included. The newest time so far is kept in checkpointed
state in offset order. ``CURRENT_WATERMARK`` would not do: it is null after a
restore while windows remember. A source split's watermark never passes its
partition's newest time less the disorder, so a timely row always finds its
windows open: nothing is ever dropped inside a window operator.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hailstream.errors import HailstreamError
from hailstream.flink.window_sql import interval
from hailstream.settings import Settings

_NO_TIME = "CAST(NULL AS TIMESTAMP_LTZ(3))"
# A minute is closed once the watermark reaches its last millisecond.
_LAST_MILLISECOND = timedelta(minutes=1) - timedelta(milliseconds=1)


def parse_horizon(text: str) -> datetime:
    """The declared end of a replay, as UTC.

    Raises:
        HailstreamError: not an ISO 8601 time.
    """
    return parse_time(text, "wrong setting: HAILSTREAM_HORIZON")


def parse_time(text: str, setting: str) -> datetime:
    """A time that was given, as UTC.

    Args:
        setting: what it was given as, for the message.

    Raises:
        HailstreamError: not an ISO 8601 time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HailstreamError(
            f"{setting}: {text!r} is no time",
            hint="give an ISO time in UTC, such as 2024-02-01T00:00:00Z",
            exit_code=2,
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def horizon_sql(settings: Settings) -> str:
    """The time beyond which a record is no event: a constant in replays, else now + 1 minute."""
    if settings.horizon is None:
        return f"CURRENT_TIMESTAMP + {interval(timedelta(minutes=1))}"
    milliseconds = round(parse_horizon(settings.horizon).timestamp() * 1000)
    return f"TO_TIMESTAMP_LTZ({milliseconds}, 3)"


def is_future_sql(settings: Settings) -> str:
    """Whether a record lies beyond the horizon. Such a record is no event and moves no watermark."""
    return f"event_time > {horizon_sql(settings)}"


def watermark_sql(settings: Settings) -> str:
    """The expression of the source's watermark, per partition."""
    disorder = interval(timedelta(seconds=settings.max_disorder))
    return f"CASE WHEN {is_future_sql(settings)} THEN {_NO_TIME} ELSE event_time - {disorder} END"


def watermark_seen_sql(settings: Settings) -> str:
    """The partition's watermark as each record met it, itself included. Needs event_time, future and arrival."""
    disorder = interval(timedelta(seconds=settings.max_disorder))
    return (
        f"MAX(CASE WHEN future THEN {_NO_TIME} ELSE CAST(event_time AS TIMESTAMP_LTZ(3)) END) OVER"
        f" (PARTITION BY kafka_partition ORDER BY arrival ROWS UNBOUNDED PRECEDING) - {disorder}"
    )


def is_late_sql() -> str:
    """Whether the row's minute had closed in its partition. Needs event_time and watermark."""
    return f"COALESCE(`watermark` >= FLOOR(event_time TO MINUTE) + {interval(_LAST_MILLISECOND)}, FALSE)"
