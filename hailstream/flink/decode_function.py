"""The Python functions over messages: a whole batch at once, vectorised.

They return an answer for each message and raise for none, so a bad message
costs what it costs and never stops the job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyflink.table.udf import FunctionContext, ScalarFunction, UserDefinedScalarFunctionWrapper, udf

from hailstream.topics import Topic

if TYPE_CHECKING:
    from hailstream.decode.arrays import Array
    from hailstream.decode.columns import WindowColumns
    from hailstream.decode.packer import Packer


@dataclass(frozen=True)
class EventSource:
    """A topic and the schemas of its messages.

    Attributes:
        topic: the event topic.
        known: writer schemas by id, carried in the job so that a known schema
            never needs the registry again.
        registry: client settings, for ids that are not known.
        subject: registry subject of the topic's values.
    """

    topic: Topic
    known: Mapping[int, str]
    registry: Mapping[str, str]
    subject: str

    def decoder(self, columns: Sequence[str] = (), fields: Sequence[str] = ()) -> WindowColumns:
        """Decodes batches of the topic's messages to columns of ``COLUMN_TYPES`` and fields as they are."""
        from hailstream.decode.batch import BatchDecoder
        from hailstream.decode.columns import WindowColumns
        from hailstream.decode.writers import WriterSchemas, registry_refresher
        from hailstream.schemas import load_schema

        writers = WriterSchemas(self.known, registry_refresher(self.registry, self.subject))
        return WindowColumns(BatchDecoder, load_schema(self.topic).definition, writers, columns, fields)


class DecodeBatch(ScalarFunction):  # type: ignore[misc]
    """Decode, validate and zone a topic's messages, and pack its events for what reads them."""

    def __init__(self, source: EventSource, packers: Sequence[Packer]) -> None:
        self._source = source
        self._packers = tuple(packers)

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        columns = {column for packer in self._packers for column in packer.columns}
        fields = {field for packer in self._packers for field in packer.fields}
        self._decode = self._source.decoder(sorted(columns), sorted(fields))

    def eval(
        self, values: pd.Series[Any], record_times: pd.Series[Any], partitions: pd.Series[Any], future: pd.Series[Any]
    ) -> pd.DataFrame:
        from hailstream.decode.packer import Batch

        times, ahead = milliseconds(record_times), future.to_numpy(np.bool_)
        decoded = self._decode(values.to_numpy(), times)
        batch = Batch(decoded, times, partitions.to_numpy(), ahead)
        # The clock decides live what is future: asked again behind this it could say otherwise.
        frame = {"error": decoded.error, "detail": decoded.detail, "future": ahead}
        for packer in self._packers:
            frame |= packer.pack(batch)
        return pd.DataFrame(frame, copy=False)


class IdentifyBatch(ScalarFunction):  # type: ignore[misc]
    """Trip and zone of a topic's readable messages, for the few that travel by themselves."""

    def __init__(self, source: EventSource) -> None:
        self._source = source

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        self._decode = self._source.decoder()

    def eval(self, values: pd.Series[Any], record_times: pd.Series[Any]) -> pd.DataFrame:
        decoded = self._decode(values.to_numpy(), milliseconds(record_times))
        return pd.DataFrame({name: decoded[name].values for name in ("trip_id", "zone_id")}, copy=False)


def milliseconds(times: pd.Series[Any]) -> Array:
    """Since the epoch, whatever unit and zone the engine hands over."""
    milliseconds: Array = times.dt.tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)
    return milliseconds


def decode_function(source: EventSource, packers: Sequence[Packer]) -> UserDefinedScalarFunctionWrapper:
    """The pandas function (value, event time, partition, future) to error, detail, future and packets."""
    fields = {"error": "STRING", "detail": "STRING", "future": "BOOLEAN"}
    for packer in packers:
        fields |= packer.sql_types
    function = DecodeBatch(source, packers)
    return udf(function, result_type=row_type(fields), func_type="pandas", name=f"decode_{source.topic.base}")


def identify_function(source: EventSource) -> UserDefinedScalarFunctionWrapper:
    """The pandas function (value, event time) to trip_id and zone_id."""
    fields = {"trip_id": "STRING", "zone_id": "INT"}
    name = f"identify_{source.topic.base}"
    return udf(IdentifyBatch(source), result_type=row_type(fields), func_type="pandas", name=name)


def row_type(fields: Mapping[str, str]) -> str:
    return "ROW<" + ", ".join(f"`{name}` {sql}" for name, sql in fields.items()) + ">"
