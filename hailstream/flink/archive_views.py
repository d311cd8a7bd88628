"""A topic's records on their way to the archive, as views of a graph, and the table of its files."""

from __future__ import annotations

from typing import Final

from hailstream.archive.layout import (
    EVENT,
    FOLDERS,
    HEARTBEAT,
    NO_DATE,
    REJECTED,
    archive_columns,
    event_columns,
    topic_folder,
)
from hailstream.flink.archive_function import NOT_NUMBERS, archive_function
from hailstream.flink.graph import Graph
from hailstream.flink.tables import options_sql, source_ddl, table_name
from hailstream.settings import Settings
from hailstream.topics import Topic

#: Of a row group, as it is before compression. Each open file has one in memory, and a replay in
#: the order of a monthly file has one open for every hour of the month.
_ROW_GROUP_BYTES: Final = 4 * 2**20
_PAGE_BYTES: Final = 64 * 2**10
_IDLE_SECONDS: Final = 5


def read_records(graph: Graph, topic: Topic) -> str:
    """Decode every record of a topic to its fields.

    Returns:
        the view of its rows as they are archived.
    """
    name = table_name(topic)
    graph.table(source_ddl(topic, graph.settings, graph.job, committed=True))
    graph.function(f"fields_of_{name}", archive_function(graph.events_of(topic).source))
    decoded = graph.view(
        f"{name}_fields",
        f"SELECT `value`, event_time AS record_time, kafka_partition, kafka_offset,"
        f" fields_of_{name}(`value`, event_time) AS event FROM `{name}_raw`",
    )
    fields = ", ".join(f"{_field(column, sql)} AS `{column}`" for column, sql in event_columns(topic).items())
    # Years of five digits make no folder that anybody could sort.
    dated = "record_time BETWEEN TO_TIMESTAMP_LTZ(0, 3) AND TO_TIMESTAMP_LTZ(4102444800000, 3)"
    return graph.view(
        f"{name}_records",
        "SELECT kafka_partition, kafka_offset, CAST(record_time AS TIMESTAMP(3)) AS record_time,"
        f" CASE WHEN `value` IS NULL THEN '{HEARTBEAT}' WHEN event.error IS NULL THEN '{EVENT}' ELSE '{REJECTED}' END"
        " AS kind,"
        " event.error AS reason, event.detail AS detail, CASE WHEN event.error IS NOT NULL THEN `value` END AS message,"
        f" {fields},"
        f" CASE WHEN {dated} THEN DATE_FORMAT(record_time, 'yyyy-MM-dd') ELSE '{NO_DATE}' END AS {FOLDERS[0]},"
        f" CASE WHEN {dated} THEN DATE_FORMAT(record_time, 'HH') ELSE '{NO_DATE}' END AS {FOLDERS[1]} FROM {decoded}",
    )


def insert_files(graph: Graph, topic: Topic, records: str) -> None:
    """Write a topic's rows to the archive, exactly once."""
    graph.table(files_ddl(topic, graph.settings))
    graph.insert_into(f"{table_name(topic)}_archive", f"SELECT * FROM {records}")


def files_ddl(topic: Topic, settings: Settings) -> str:
    """The table of a topic's files: a file is there once the checkpoint that closed it is complete."""
    columns = archive_columns(topic)
    options = {
        "connector": "filesystem",
        "path": f"{settings.archive_address}/{topic_folder(topic, settings.namespace)}",
        "format": "parquet",
        "parquet.compression": "ZSTD",
        "parquet.block.size": str(_ROW_GROUP_BYTES),
        "parquet.page.size": str(_PAGE_BYTES),
        # An open file would have 16 kB more for each column, in which an hour's few records fill a hundredth.
        "parquet.enable.dictionary": "false",
        "parquet.utc-timezone": "true",
        "parquet.timestamp.time.unit": "millis",
        "parquet.write.int64.timestamp": "true",
        # A file is closed when its hour is over, and not only by the next checkpoint: a replay at full
        # speed passes through years between two of them.
        "sink.rolling-policy.inactivity-interval": f"{_IDLE_SECONDS} s",
        "sink.rolling-policy.check-interval": "1 s",
    }
    listed = ",\n".join(f"  `{name}` {sql}" for name, sql in columns.items())
    return (
        f"CREATE TEMPORARY TABLE `{table_name(topic)}_archive` (\n{listed}\n)"
        f" PARTITIONED BY ({', '.join(FOLDERS)}) WITH ({options_sql(options)})"
    )


def _field(name: str, sql: str) -> str:
    if sql != "DOUBLE":
        return f"event.`{name}`"
    return f"CASE WHEN event.{NOT_NUMBERS} LIKE '%,{name},%' THEN CAST('NaN' AS DOUBLE) ELSE event.`{name}` END"
