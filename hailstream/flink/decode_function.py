"""The one Python function of a job: a whole batch of messages to columns, vectorised.

It returns a row or an error for each message and raises for none, so a bad
message costs what it costs and never stops the job.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyflink.table.udf import FunctionContext, ScalarFunction, UserDefinedScalarFunctionWrapper, udf

from hailstream.settings import Settings
from hailstream.topics import Topic


class DecodeBatch(ScalarFunction):  # type: ignore[misc]
    """Decode, validate and zone a topic's messages.

    Args:
        topic: the event topic.
        columns: the columns to return besides error, detail, trip_id and zone_id.
        known: writer schemas by id, carried in the job so that a known schema
            never needs the registry again.
        registry: client settings, for ids that are not known.
        subject: registry subject of the topic's values.
    """

    def __init__(
        self, topic: Topic, columns: Sequence[str], known: dict[int, str], registry: dict[str, str], subject: str
    ) -> None:
        self._topic = topic
        self._columns = tuple(columns)
        self._known = known
        self._registry = registry
        self._subject = subject

    def open(self, function_context: FunctionContext) -> None:  # noqa: ARG002
        from hailstream.decode.batch import BatchDecoder
        from hailstream.decode.columns import WindowColumns
        from hailstream.decode.writers import WriterSchemas, registry_refresher
        from hailstream.schemas import load_schema

        writers = WriterSchemas(self._known, registry_refresher(self._registry, self._subject))
        self._decode = WindowColumns(BatchDecoder, load_schema(self._topic).definition, writers, self._columns)

    def eval(self, values: pd.Series[Any], record_times: pd.Series[Any]) -> pd.DataFrame:
        # Milliseconds since the epoch, whatever unit and zone the engine hands over.
        times = record_times.dt.tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)
        return self._decode(values.to_numpy(), times)


def decode_function(
    topic: Topic, columns: Sequence[str], known: dict[int, str], settings: Settings
) -> UserDefinedScalarFunctionWrapper:
    """The pandas function for ``topic``, ready to register."""
    from hailstream.decode.columns import COLUMN_TYPES

    fields = {"error": "STRING", "detail": "STRING", "trip_id": "STRING", "zone_id": "INT"}
    fields |= {column: COLUMN_TYPES[column] for column in columns}
    row_type = "ROW<" + ", ".join(f"`{name}` {sql}" for name, sql in fields.items()) + ">"
    function = DecodeBatch(topic, columns, known, settings.registry_config(), topic.subject(settings.namespace))
    return udf(function, result_type=row_type, func_type="pandas", name=f"decode_{topic.base}")
