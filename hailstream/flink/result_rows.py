"""Rows of result topics out of what Python functions give."""

from __future__ import annotations

from typing import Any, Final

from pyflink.common import Types
from pyflink.common.typeinfo import RowTypeInfo, TypeInformation

from hailstream.flink.tables import flink_type
from hailstream.schemas import load_schema
from hailstream.topics import Topic

_TYPES: Final[dict[str, TypeInformation]] = {
    "string": Types.STRING(),
    "int": Types.INT(),
    "long": Types.LONG(),
    "double": Types.DOUBLE(),
    "boolean": Types.BOOLEAN(),
    "bytes": Types.PRIMITIVE_ARRAY(Types.BYTE()),
}


def row_type(topic: Topic) -> RowTypeInfo:
    """A topic's rows as Python gives them: instants are ms since 1970, amounts whole units of their last digit."""
    fields = load_schema(topic).definition["fields"]
    return Types.ROW_NAMED([f["name"] for f in fields], [_python_type(_known(f["type"])) for f in fields])


def columns_sql(topic: Topic, row: str = "") -> str:
    """The columns of a topic's table out of those of :func:`row_type`.

    Args:
        topic: whose table.
        row: column that holds them as a row; empty when they are columns themselves.
    """
    before = f"{row}." if row else ""
    return ", ".join(
        f"{_as_column(_known(field['type']), before + '`' + field['name'] + '`')} AS `{field['name']}`"
        for field in load_schema(topic).definition["fields"]
    )


def _known(avro: Any) -> Any:
    return next(kind for kind in avro if kind != "null") if isinstance(avro, list) else avro


def _python_type(avro: Any) -> TypeInformation:
    return _TYPES[avro] if isinstance(avro, str) else Types.LONG()


def _as_column(avro: Any, value: str) -> str:
    match avro:
        case {"logicalType": "timestamp-millis"}:
            return f"CAST(TO_TIMESTAMP_LTZ({value}, 3) AS TIMESTAMP(3))"
        case {"logicalType": "decimal", "scale": scale}:
            unit = f"CAST({10**-scale:.{scale}f} AS DECIMAL({scale + 1}, {scale}))"
            return f"CAST(CAST({value} AS DECIMAL(19, 0)) * {unit} AS {flink_type(avro).removesuffix(' NOT NULL')})"
    return value
