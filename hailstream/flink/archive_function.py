"""The Python function that decodes a topic's messages to all of their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from pyflink.table.udf import FunctionContext, ScalarFunction, UserDefinedScalarFunctionWrapper, udf

from hailstream.archive.layout import event_columns, event_fields
from hailstream.decode.fields import Field, Kind
from hailstream.flink.decode_function import EventSource, milliseconds, row_type

if TYPE_CHECKING:
    from hailstream.decode.arrays import Array
    from hailstream.decode.rows import Column, Decoded

#: Column of the names of the fields that are not a number: Flink takes such for null on the way from Python.
NOT_NUMBERS: Final = "not_numbers"


class DecodeFields(ScalarFunction):  # type: ignore[misc]
    """Decode messages to the columns of the archive; see :mod:`hailstream.archive.layout`."""

    def __init__(self, source: EventSource) -> None:
        self._source = source

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        self._fields = event_fields(self._source.topic)
        self._decode = self._source.decoder(fields=[field.name for field in self._fields.values()])

    def eval(self, values: pd.Series[Any], record_times: pd.Series[Any]) -> pd.DataFrame:
        decoded = self._decode(values.to_numpy(), milliseconds(record_times))
        frame = {"error": decoded.error, "detail": decoded.detail, NOT_NUMBERS: self._not_numbers(decoded)}
        frame |= {name: _nullable(decoded[field.name], field) for name, field in self._fields.items()}
        return pd.DataFrame(frame, copy=False)

    def _not_numbers(self, decoded: Decoded) -> Array:
        names = np.full(len(decoded), None, object)
        for name, field in self._fields.items():
            if field.kind is Kind.DOUBLE:
                column = decoded[field.name]
                for row in np.flatnonzero(column.valid & np.isnan(column.values)).tolist():
                    names[row] = f"{names[row] or ','}{name},"
        return names


def _nullable(column: Column, field: Field) -> Array:
    if field.kind in (Kind.STRING, Kind.DOUBLE):
        return column.values
    if field.kind is Kind.TIMESTAMP:
        times = column.values.astype("datetime64[ms]")
        times[~column.valid] = "NaT"
        return times
    if column.valid.all():
        return column.values
    some: Array = column.values.astype(object)
    some[~column.valid] = None
    return some


def archive_function(source: EventSource) -> UserDefinedScalarFunctionWrapper:
    """The pandas function (value, event time) to error, detail and the fields of the event."""
    fields = {"error": "STRING", "detail": "STRING", NOT_NUMBERS: "STRING"} | event_columns(source.topic)
    name = f"fields_of_{source.topic.base}"
    return udf(DecodeFields(source), result_type=row_type(fields), func_type="pandas", name=name)
