"""The outcome of a batch, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hailstream.decode.arrays import Array, Mask
from hailstream.decode.fields import Field, Kind

_DTYPES: Final = {
    Kind.STRING: np.dtype(object),
    Kind.LONG: np.dtype(np.int64),
    Kind.TIMESTAMP: np.dtype(np.int64),
    Kind.DECIMAL: np.dtype(np.int64),
    Kind.DOUBLE: np.dtype(np.float64),
    Kind.BOOLEAN: np.dtype(np.bool_),
}
_NOTHING: Final[dict[Kind, Any]] = {Kind.STRING: None, Kind.DOUBLE: np.nan}


@dataclass(frozen=True)
class Column:
    """One field of all rows.

    Attributes:
        values: int64 (integers; times in ms since 1970; decimals unscaled, so
            cents at scale 2), float64, bool or str objects; 0, NaN, False or
            None where not valid.
        valid: False where the field is null or the row no event.
    """

    values: Array
    valid: Mask


@dataclass(frozen=True)
class Decoded:
    """A batch, row for row as it came in.

    Attributes:
        present: the row is an event. Where False and ``error`` is None: a heartbeat.
        error: reason of a reject (:mod:`hailstream.decode.reasons`), else None.
        detail: what exactly was wrong with a reject, else None.
        columns: of the fields that were asked for.
    """

    present: Mask
    error: Array
    detail: Array
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.present)

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    @property
    def rejected(self) -> Mask:
        """Which rows are rejects."""
        return np.fromiter((reason is not None for reason in self.error), np.bool_, len(self))


class Rows:
    """Collects the outcome of each row; a row that is never named stays a heartbeat."""

    def __init__(self, size: int, fields: Sequence[Field]) -> None:
        self._size = size
        self._fields = fields
        self._present = np.zeros(size, np.bool_)
        self._error = np.full(size, None, object)
        self._detail = np.full(size, None, object)
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        return self._size

    def _column(self, field: Field) -> Column:
        if field.name not in self._columns:
            values = np.full(self._size, _NOTHING.get(field.kind, 0), _DTYPES[field.kind])
            self._columns[field.name] = Column(values, np.zeros(self._size, np.bool_))
        return self._columns[field.name]

    def reject(self, rows: Array, reason: str, detail: str) -> None:
        """Reject several rows for one reason."""
        self._error[rows] = reason
        self._detail[rows] = detail

    def reject_one(self, row: int, reason: str, detail: str) -> None:
        """Reject one row."""
        self._error[row] = reason
        self._detail[row] = detail

    def put(
        self,
        rows: Array,
        decoded: Mask,
        columns: Mapping[str, tuple[Array, Mask | None]],
        defaults: Mapping[str, object],
    ) -> None:
        """Take over what a walk decoded of ``rows``, and defaults for the fields it has not got."""
        everything = len(rows) == self._size and bool(decoded.all())
        taken = rows if bool(decoded.all()) else rows[decoded]
        self._present[taken] = True
        for field in self._fields:
            if field.name not in columns:
                self._put_default(field, taken, defaults[field.name])
                continue
            values, valid = columns[field.name]
            if everything:
                self._columns[field.name] = self._whole(field, values, valid)
                continue
            column = self._column(field)
            if valid is not None:
                kept = decoded & valid
                column.values[rows[kept]] = values[kept]
                column.valid[rows[kept]] = True
            else:
                column.values[taken] = values if len(taken) == len(rows) else values[decoded]
                column.valid[taken] = True

    def _whole(self, field: Field, values: Array, valid: Mask | None) -> Column:
        if valid is None:
            return Column(values, np.ones(self._size, np.bool_))
        if field.kind in (Kind.DOUBLE, Kind.BOOLEAN):  # bytes of a neighbour; all others are nothing already
            values = np.where(valid, values, _NOTHING.get(field.kind, False))
        return Column(values, valid)

    def _put_default(self, field: Field, taken: Array, default: object) -> None:
        column = self._column(field)
        if default is not None:
            column.values[taken] = default
            column.valid[taken] = True

    def put_one(self, row: int, event: Mapping[str, Any]) -> None:
        """Take over one event."""
        self._present[row] = True
        for field in self._fields:
            value = event[field.name]
            if value is not None:
                column = self._column(field)
                column.values[row] = value
                column.valid[row] = True

    def finished(self) -> Decoded:
        """The outcome of all rows."""
        columns = {field.name: self._column(field) for field in self._fields}
        return Decoded(self._present, self._error, self._detail, columns)
