"""What the log says that late rows, dead letters and trips should be, message by message."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import polars as pl

from hailstream.folds.groups import wanted_groups
from hailstream.jobs.catalog import PARTS
from hailstream.proof.eventlog import LOGS, EventLog
from hailstream.proof.expected import RECOUNTS
from hailstream.topics import TRIPS_ENDED, TRIPS_STARTED

#: What jobs with folds tell them events for, by job; late rows name it.
PURPOSES: Final = {name: "alerts" if name == "anomalies" else name for name, spec in PARTS.items() if spec.folded}
_PLACE: Final = '"partition"::BIGINT AS "partition", "offset"'


def late(log: EventLog, parts: Collection[str]) -> pl.DataFrame:
    """Topic, partition, offset, metric, event_time, watermark (ms), trip_id and zone_id of each late row.

    Args:
        log: recounted by a Prover.
        parts: the jobs that ran, city's parts by their names.
    """
    namespace = log.settings.namespace
    queries = [
        f"SELECT '{LOGS[how.log].name(namespace)}' AS topic, {_PLACE}, '{how.metric}' AS metric,"
        f" event_time, watermark, trip_id, zone_id::BIGINT AS zone_id FROM {how.metric}_events WHERE late"
        for how in RECOUNTS
    ]
    log.prepare()
    for purpose in (purpose for part, purpose in PURPOSES.items() if part in parts):
        told = {topic for group in wanted_groups({purpose}, 1).values() for topic in group.columns}
        queries += [
            f"SELECT '{topic.name(namespace)}' AS topic, {_PLACE}, '{purpose}' AS metric,"
            f" event_time, watermark, trip_id, zone_id::BIGINT AS zone_id FROM all_{kind} WHERE event_time < watermark"
            for kind, topic in (("starts", TRIPS_STARTED), ("ends", TRIPS_ENDED))
            if topic in told
        ]
    return _frame(log, " UNION ALL ".join(queries))


def rejected(log: EventLog) -> pl.DataFrame:
    """Topic, partition, offset and record_time (ms) of each message that is no event."""
    queries = [
        f"SELECT '{topic.name(log.settings.namespace)}' AS topic, {_PLACE}, record_time FROM {table}"
        f" WHERE NOT heartbeat AND NOT (readable AND {log.plausible})"
        for table, topic in LOGS.items()
    ]
    return _frame(log, " UNION ALL ".join(queries))


def ends(log: EventLog) -> pl.DataFrame:
    """Trip_id, and how often its end is in the log: job trips writes a row for each."""
    return _frame(
        log, f"SELECT trip_id, count(*) AS times FROM ended_log WHERE readable AND {log.plausible} GROUP BY trip_id"
    )


def _frame(log: EventLog, query: str) -> pl.DataFrame:
    frame = pl.from_arrow(log.connection.sql(query).to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
