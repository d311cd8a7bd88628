"""``multipart/form-data`` bodies: parameters sent as a form, and external tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from hailstream.local.clickhouse_server.errors import bad_arguments


@dataclass(frozen=True)
class ExternalTable:
    """Rows that come with a query, which sees them as a temporary table."""

    name: str
    structure: str
    format: str
    data: bytes


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def read_form(content_type: str, content: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """The plain fields and the files of a form, each by name.

    Raises:
        ClickHouseError: the body is no form of this content type.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise bad_arguments("multipart/form-data without a boundary")
    delimiter = b"\r\n--" + boundary.encode()
    _, *parts = (b"\r\n" + content).split(delimiter)
    if not parts or not parts.pop().startswith(b"--"):
        raise bad_arguments("the multipart/form-data body is cut off")
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in parts:
        head, gap, data = part.partition(b"\r\n\r\n")
        described = BytesHeaderParser().parsebytes(head.lstrip() + gap)
        name = described.get_param("name", header="content-disposition")
        if not isinstance(name, str) or not name:
            raise bad_arguments("a part of the multipart/form-data body has no name")
        if described.get_filename() is None:
            fields[name] = data.decode(errors="surrogateescape")
        else:
            files[name] = data
    return fields, files


def external_tables(files: Mapping[str, bytes], params: dict[str, str]) -> list[ExternalTable]:
    """The tables in ``files``; their ``NAME_format | _structure | _types`` are taken out of ``params``.

    Raises:
        ClickHouseError: a table has no structure.
    """
    tables = []
    for name, data in files.items():
        structure = params.pop(f"{name}_structure", "")
        types = params.pop(f"{name}_types", "")
        if not structure:
            structure = ", ".join(
                f"_{number} {kind}" for number, kind in enumerate(types.split(","), 1) if kind.strip()
            )
        if not structure or not name.isidentifier():
            raise bad_arguments(
                f"Neither structure nor types are provided for external table {name!r}, or its name is wrong"
            )
        tables.append(ExternalTable(name, structure, params.pop(f"{name}_format", "TabSeparated"), data))
    return tables
