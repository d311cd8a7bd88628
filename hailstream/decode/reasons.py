"""Why a message was rejected: the values of ``reason`` in ``events.rejected.v1``.

A message with a null value is a heartbeat and no reject: it has no reason.
"""

from __future__ import annotations

from typing import Final

#: No byte at all (which is not a null value).
EMPTY: Final = "empty"
#: The first byte is not the 0 of the Confluent framing.
BAD_MAGIC: Final = "bad_magic"
#: The schema id is not one of the topic's subject.
UNKNOWN_SCHEMA: Final = "unknown_schema"
#: The schema id is not known here, and the registry could not be asked.
SCHEMA_UNAVAILABLE: Final = "schema_unavailable"
#: The writer's schema cannot be read safely, or means something else than ours.
UNSUPPORTED_SCHEMA: Final = "unsupported_schema"
#: The bytes end before the event does.
TRUNCATED: Final = "truncated"
#: The event ends before the bytes do.
TRAILING_BYTES: Final = "trailing_bytes"
#: The bytes are no event of their schema: a union branch that is none, text that is not UTF-8, ...
UNDECODABLE: Final = "undecodable"
#: The body's event time is not the record's timestamp.
TIMESTAMP_MISMATCH: Final = "timestamp_mismatch"
#: Decoded, but no event: an empty trip id, endless text, an amount or a time that nothing can hold.
INVALID: Final = "invalid"
#: The event lies after the horizon. Set by whoever knows the horizon, not by the decoder.
FUTURE: Final = "future"

ALL: Final = (
    EMPTY,
    BAD_MAGIC,
    UNKNOWN_SCHEMA,
    SCHEMA_UNAVAILABLE,
    UNSUPPORTED_SCHEMA,
    TRUNCATED,
    TRAILING_BYTES,
    UNDECODABLE,
    TIMESTAMP_MISMATCH,
    INVALID,
    FUTURE,
)
