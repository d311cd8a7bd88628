"""The media types a ClickHouse server gives its output formats."""

from __future__ import annotations

_TSV = ("tabseparated", "tsv", "raw")
_BINARY = (
    "native",
    "rowbinary",
    "parquet",
    "arrow",
    "orc",
    "avro",
    "protobuf",
    "msgpack",
    "bsoneachrow",
    "npy",
    "capnproto",
)


def content_type(output: str) -> str:
    """The Content-Type of a result in the format ``output``."""
    name = output.lower()
    if name.startswith(_BINARY):
        return "application/octet-stream"
    if name.startswith("csv"):
        header = "present" if "withnames" in name else "absent"
        return f"text/csv; charset=UTF-8; header={header}"
    if name.startswith(_TSV):
        return "text/tab-separated-values; charset=UTF-8"
    if name.startswith("json"):
        kind = "x-ndjson" if "eachrow" in name or name == "jsonlines" else "json"
        return f"application/{kind}; charset=UTF-8"
    if name == "ndjson":
        return "application/x-ndjson; charset=UTF-8"
    if name == "xml":
        return "application/xml; charset=UTF-8"
    return "text/plain; charset=UTF-8"
