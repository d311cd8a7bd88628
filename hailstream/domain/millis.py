"""Times as integers: ms since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def millis(span: timedelta) -> int:
    """Whole milliseconds of a length of time."""
    return span // _MILLISECOND


def to_ms(moment: datetime) -> int:
    """Of a moment with a zone."""
    return millis(moment - _EPOCH)


def from_ms(ms: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + ms * _MILLISECOND
