"""One message at a time, by fastavro: the judge of every message that is not plain.

The batch way accepts what it has proved; all else comes here, so that there is
one place that rejects, and a reason cannot depend on the company a message came in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fastavro

from hailstream.decode import reasons
from hailstream.decode.avro import Schema
from hailstream.decode.fields import EVENT_TIME, MAX_TEXT_BYTES, TRIP_ID, Field, Kind

#: The years 1 to 9999, in milliseconds since 1970: what a TIMESTAMP can hold.
FIRST_MS = -62_135_596_800_000
LAST_MS = 253_402_300_799_999


class Rejected(Exception):
    """The verdict on one message."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class _Exact:
    """The bytes of a message as a file that never gives fewer bytes than asked for.

    fastavro passes over fields that nobody reads without a look at what the
    file returned; here a message that ends inside such a field is noticed too.
    """

    __slots__ = ("_data", "position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def read(self, size: int) -> bytes:
        end = self.position + size
        if size < 0 or end > len(self._data):
            raise EOFError(f"{size} bytes asked for at byte {self.position} of {len(self._data)}")
        data = self._data[self.position : end]
        self.position = end
        return data


@dataclass(frozen=True)
class MessageReader:
    """Reads messages of one writer's schema as rows of the reader's.

    Attributes:
        writer, reader: parsed by :func:`hailstream.decode.avro.parse`.
        fields: of the reader, by name.
    """

    writer: Schema
    reader: Schema
    fields: Mapping[str, Field]

    def read(self, body: bytes, record_time_ms: int | None) -> dict[str, Any]:
        """The row of an encoded event (without framing): decimals as unscaled integers, times in ms.

        Raises:
            Rejected: the bytes are not exactly one event, or it is not valid.
        """
        source = _Exact(body)
        try:
            row = fastavro.schemaless_reader(source, self.writer, self.reader)
        except EOFError as error:
            raise Rejected(reasons.TRUNCATED, str(error)) from None
        except Exception as error:
            raise Rejected(reasons.UNDECODABLE, f"{type(error).__name__}: {error}"[:200]) from None
        if source.position != len(body):
            raise Rejected(reasons.TRAILING_BYTES, f"ends at byte {source.position} of {len(body)}")
        return self._validated(row, record_time_ms)

    def _validated(self, row: dict[str, Any], record_time_ms: int | None) -> dict[str, Any]:
        for name, field in self.fields.items():
            value = row[name]
            if value is None:
                continue
            if field.kind is Kind.DECIMAL:
                row[name] = unscaled(value, field)
            elif field.kind is Kind.STRING and len(value.encode()) > MAX_TEXT_BYTES:
                raise Rejected(reasons.INVALID, f"{name} is longer than {MAX_TEXT_BYTES} bytes")
            elif field.kind is Kind.TIMESTAMP and not FIRST_MS <= value <= LAST_MS:
                raise Rejected(reasons.INVALID, f"{name} {value} ms is in no year from 1 to 9999")
        if TRIP_ID in self.fields and row[TRIP_ID] == "":
            raise Rejected(reasons.INVALID, f"{TRIP_ID} is empty")
        if record_time_ms is not None and EVENT_TIME in self.fields and row[EVENT_TIME] != record_time_ms:
            raise Rejected(
                reasons.TIMESTAMP_MISMATCH, f"{EVENT_TIME} {row[EVENT_TIME]} ms, record timestamp {record_time_ms} ms"
            )
        return row


def unscaled(value: bytes | str, field: Field) -> int:
    """The integer of a decimal's two's complement bytes (or of a default, which JSON writes as text).

    Raises:
        Rejected: more digits than the schema's precision allows.
    """
    data = value.encode("latin-1") if isinstance(value, str) else value
    # Padding is legal, and a megabyte of it costs nothing to leave out.
    sign = b"\xff" if data[:1] >= b"\x80" else b"\x00"
    digits = data.lstrip(sign)
    if len(digits) <= 16:
        number = int.from_bytes(sign + digits, "big", signed=True)
        if abs(number) <= field.largest:
            return number
    raise Rejected(reasons.INVALID, f"{field.name} has more than {field.precision} digits")
