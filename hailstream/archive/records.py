"""Records of an archive, as tasks read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from hailstream.archive.pieces import Piece, read_piece
from hailstream.archive.schema import arrow_schema
from hailstream.archive.store import open_store
from hailstream.settings import Settings
from hailstream.topics import Topic


def read_types(topic: Topic, columns: Sequence[str]) -> dict[str, pa.DataType]:
    """Columns of a topic's files by the types that they are read as; times are UTC, without saying so."""
    schema = arrow_schema(topic)
    types = {name: schema.field(name).type for name in columns}
    # Flink writes other units than we do.
    return {name: pa.timestamp("us") if pa.types.is_timestamp(type_) else type_ for name, type_ in types.items()}


def read_records(topic: Topic, settings: Settings, pieces: Iterable[Piece], columns: Sequence[str]) -> pa.Table:
    """Columns of the records of some pieces.

    Raises:
        HailstreamError: a file cannot be read.
    """
    nothing = pa.schema(list(read_types(topic, columns).items())).empty_table()
    return pa.concat_tables([nothing, *(rows for _, rows in each_piece(topic, settings, pieces, columns))])


def each_piece(
    topic: Topic, settings: Settings, pieces: Iterable[Piece], columns: Sequence[str]
) -> Iterator[tuple[Piece, pa.Table]]:
    """The same, piece by piece."""
    types, files = read_types(topic, columns), open_store(topic, settings).files
    for piece in pieces:
        yield piece, read_piece(files, piece, types)
