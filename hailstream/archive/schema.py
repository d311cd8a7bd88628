"""The columns of an archive's files by the types of Arrow and Polars, for who writes files without Flink."""

from __future__ import annotations

from typing import Final

import polars as pl
import pyarrow as pa

from hailstream.archive.layout import FOLDERS, archive_columns
from hailstream.topics import Topic

_TYPES: Final = {
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "TIMESTAMP(3)": pa.timestamp("ms"),
    "STRING": pa.string(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "BYTES": pa.binary(),
}


def arrow_schema(topic: Topic) -> pa.Schema:
    """What a file of a topic has; the folders are columns of none."""
    return pa.schema([(name, _TYPES[sql]) for name, sql in archive_columns(topic).items() if name not in FOLDERS])


def polars_schema(topic: Topic) -> pl.Schema:
    """The same for data frames."""
    empty = pl.from_arrow(arrow_schema(topic).empty_table())
    assert isinstance(empty, pl.DataFrame)
    return empty.schema
