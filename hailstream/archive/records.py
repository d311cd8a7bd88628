"""Records of an archive, as tasks read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from hailstream.archive.pieces import Piece, read_piece
from hailstream.archive.schema import arrow_schema
from hailstream.archive.store import open_store
from hailstream.settings import Settings
from hailstream.topics import Topic


def read_types(topic: Topic, columns: Sequence[str]) -> dict[str, pa.DataType]:
    """Columns of a topic's files by the types that they are read as; times are UTC, without saying so."""
    types = {name: arrow_schema(topic).field(name).type for name in columns}
    # Flink writes other units than we do.
    return {name: pa.timestamp("us") if pa.types.is_timestamp(type_) else type_ for name, type_ in types.items()}


def read_records(topic: Topic, settings: Settings, pieces: Iterable[Piece], columns: Sequence[str]) -> pa.Table:
    """Columns of the records of some pieces.

    Raises:
        HailstreamError: a file cannot be read.
    """
    types = read_types(topic, columns)
    files = open_store(topic, settings).files
    nothing = pa.schema(list(types.items())).empty_table()
    return pa.concat_tables([nothing, *(read_piece(files, piece, types) for piece in pieces)])
