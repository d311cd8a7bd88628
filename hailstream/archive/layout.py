"""What an archive's files hold, and where they lie.

``<archive>/<namespace>/<topic>/event_date=2024-01-17/event_hour=08/part-*``

A row is a record of a topic. Whatever it is, it has a place in the log:
partition and offset, so that a gap can be seen. An event has its fields beside
it; a reject has its bytes and the reason; a heartbeat has neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from hailstream.decode.fields import Field, Kind, fields_of
from hailstream.schemas import load_schema
from hailstream.topics import Topic

RecordKind: TypeAlias = Literal["event", "heartbeat", "rejected"]
EVENT: Final[RecordKind] = "event"
HEARTBEAT: Final[RecordKind] = "heartbeat"
REJECTED: Final[RecordKind] = "rejected"

#: What every record has, by Flink's types. ``reason``, ``detail`` and ``message`` (its bytes) are those of a reject.
RECORD_COLUMNS: Final[Mapping[str, str]] = {
    "kafka_partition": "INT",
    "kafka_offset": "BIGINT",
    "record_time": "TIMESTAMP(3)",
    "kind": "STRING",
    "reason": "STRING",
    "detail": "STRING",
    "message": "BYTES",
}
#: Folders, of the record's time in UTC.
FOLDERS: Final = ("event_date", "event_hour")
#: Folder name of records whose time is of no century that taxis have seen.
NO_DATE: Final = "unknown"

_TYPES: Final = {
    Kind.STRING: "STRING",
    Kind.LONG: "BIGINT",
    Kind.DOUBLE: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIMESTAMP: "TIMESTAMP(3)",
    Kind.DECIMAL: "BIGINT",
}


def topic_folder(topic: Topic, namespace: str) -> str:
    """The folder of a topic's records below the archive."""
    return f"{namespace}/{topic.base}"


def event_fields(topic: Topic) -> dict[str, Field]:
    """Fields of the topic's schema by the columns that hold them; amounts are cents there, and named so."""
    fields = fields_of(load_schema(topic).definition)
    return {column_name(field): field for field in fields.values()}


def column_name(field: Field) -> str:
    """``fare_amount``, a decimal, is ``fare_cents``; others have the field's name."""
    return f"{field.name.removesuffix('_amount')}_cents" if field.kind is Kind.DECIMAL else field.name


def event_columns(topic: Topic) -> dict[str, str]:
    """The columns of a topic's events, by Flink's types."""
    return {name: _TYPES[field.kind] for name, field in event_fields(topic).items()}


def archive_columns(topic: Topic) -> dict[str, str]:
    """All columns of a topic's files, the folders last, by Flink's types."""
    return {**RECORD_COLUMNS, **event_columns(topic), **dict.fromkeys(FOLDERS, "STRING")}


def may_hold(path: str, begin: datetime | None, end: datetime | None) -> bool:
    """Whether a file's folders, of an hour or of no time, leave it possible that it has records of a span.

    Args:
        path: below the topic's folder.
        begin, end: instants, ``end`` excluded; None: no bound.
    """
    folders = dict(part.split("=", 1) for part in path.split("/") if "=" in part)
    date, hour = (folders.get(name, NO_DATE) for name in FOLDERS)
    if NO_DATE in (date, hour):
        return True
    zone = begin.tzinfo if begin is not None else end.tzinfo if end is not None else None
    first = datetime.fromisoformat(f"{date}T{hour}:00:00").replace(tzinfo=zone)
    return (begin is None or first + timedelta(hours=1) > begin) and (end is None or first < end)
